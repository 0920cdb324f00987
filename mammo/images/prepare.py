"""From a file to pictures ready for a trunk: read once, then every variant that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.indexed_file import IndexedFile
from mammo.data.files.raster import Raster
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES, Resize, to_squares
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


def prepare(request: tuple[IndexedFile, tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """Read a file once and return one picture (size, size) in 0..1 for each variant.

    Raises MammoError where the file is gone, damaged, or no longer the one that was indexed.
    """
    source, variants = request
    raster = source.read()
    made: dict[Variant, NDArray[np.float32]] = {}
    for name in {one.preprocess for one in variants}:
        same = [one for one in variants if one.preprocess == name]
        wanted = [(RESIZES[one.resize], one.size) for one in same]
        made |= dict(zip(same, _squares(raster, name, wanted), strict=True))
    return [made[one] for one in variants]


def prepare_stacks(request: tuple[tuple[IndexedFile, ...], tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """`prepare` for several files: one stack of pictures (files, size, size) for each variant."""
    sources, variants = request
    rows = [prepare((source, variants)) for source in sources]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _squares(raster: Raster, preprocess: str, wanted: list[tuple[Resize, int]]) -> list[NDArray[np.float32]]:
    """The squares of one preprocessing; where it changes nothing, they come from the stored integers at once."""
    apply = PREPROCESSINGS[preprocess].apply
    if apply is None:
        return to_squares(raster.pixels, wanted, raster.white)
    return to_squares(apply(raster.to_float()), wanted)
