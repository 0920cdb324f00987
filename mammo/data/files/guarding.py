"""Limits for reading untrusted files, and what a worker loads before its first file."""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path

from mammo.processes.guarded import Limits

BASE_SECONDS = 30.0
"""Computing time for any file: ten times that of 64 million pixels in a file of few bytes."""
SECONDS_PER_BYTE = 2e-6
"""Further time for each byte: ten to fifteen times that of JPEG 2000, the slowest format."""
MEMORY = 1280 * 2**20
"""1.5 times the memory that 64 million pixels of 16-bit noise take in JPEG 2000."""

DECODERS = ("numpy.ma", "PIL.Image", "pydicom", "pydicom.pixels.utils", "pylibjpeg", "libjpeg", "openjpeg")
"""Modules that readers import when they first need them; the last three are optional."""


def limits_of(*paths: Path) -> Limits:
    """Return the limits for reading these files together: about ten times what sound files take.

    So a slow machine can read them too. A small file that claims to be large gets little time.
    """
    size = 0
    for path in paths:
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    return Limits(BASE_SECONDS + SECONDS_PER_BYTE * size, MEMORY)


def load_decoders() -> None:
    """Import all decoders, so that the time does not count for any file."""
    for name in DECODERS:
        with contextlib.suppress(ImportError):
            import_module(name)
    with contextlib.suppress(ImportError):
        from PIL import Image

        Image.init()
    from pydicom.pixels.decoders.base import get_decoder

    from mammo.data.files.dicom.opening import SYNTAXES

    for syntax in SYNTAXES:
        get_decoder(syntax)
