"""From a file to pictures ready for a trunk: read once, then every variant that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dicom import read_dicom
from mammo.errors import MammoError
from mammo.files import digest_file
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.specs import CacheSpec, pick


@dataclass(frozen=True)
class Variant:
    """How a picture is prepared: what of a `CacheSpec` concerns pixels before the trunk."""

    preprocess: str
    resize: str
    size: int

    @classmethod
    def of(cls, spec: CacheSpec) -> Variant:
        """The variant of `spec`; raises MammoError where it names an unknown transform."""
        pick(PREPROCESSINGS, spec.preprocess, "preprocessing")
        pick(RESIZES, spec.resize, "resize")
        return cls(spec.preprocess, spec.resize, spec.size)


@dataclass(frozen=True)
class Source:
    """A file of the index, and what it was when it was indexed."""

    image: str
    path: Path
    bytes: int
    modified: int
    digest: str


def prepare(request: tuple[Source, tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """Read a file once and return one picture (size, size) in 0..1 for each variant.

    Raises MammoError where the file is gone, damaged, or no longer the one that was indexed.
    """
    source, variants = request
    _refuse_changed(source)
    try:
        picture = read_dicom(source.path).to_float()
    except MammoError as error:
        raise MammoError(f"{source.path} can no longer be read ({error}); index the data set again.") from None
    preprocessed = {name: PREPROCESSINGS[name].apply(picture) for name in {one.preprocess for one in variants}}
    return [RESIZES[one.resize].apply(preprocessed[one.preprocess], one.size) for one in variants]


def _refuse_changed(source: Source) -> None:
    """A file whose size or time differs must still hold the same bytes."""
    try:
        stat = source.path.stat()
        same = (stat.st_size, stat.st_mtime_ns) == (source.bytes, source.modified)
        same = same or (stat.st_size == source.bytes and digest_file(source.path) == source.digest)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MammoError(f"{source.path} cannot be read ({reason}); index the data set again.") from None
    if not same:
        raise MammoError(f"{source.path} has changed since it was indexed; index the data set again.")
