"""What reading a stranger's file may cost, and what a worker loads before it reads its first one."""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path

from mammo.processes.guarded import Limits

BASE_SECONDS = 30.0
"""Computing time for any file, ten times what 64 million pixels take where their bytes take next to none."""
SECONDS_A_BYTE = 2e-6
"""More for each byte: ten to fifteen times what JPEG 2000 takes, the slowest kind."""
MEMORY = 1280 * 2**20
"""Half as much again as 64 million pixels of noise in 16 bits take, in JPEG 2000 again."""

DECODERS = ("numpy.ma", "PIL.Image", "pydicom", "pydicom.pixels.utils", "pylibjpeg", "libjpeg", "openjpeg")
"""What readers import when they first need it; the last three are optional."""


def limits_of(*paths: Path) -> Limits:
    """The computing time and memory for reading these files together.

    About ten times what a sound file takes: a slow machine reads it, too. A small file that claims to be a large one
    gets little time.
    """
    size = 0
    for path in paths:
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    return Limits(BASE_SECONDS + SECONDS_A_BYTE * size, MEMORY)


def load_decoders() -> None:
    """Import what reads files, so that no file pays for it."""
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
