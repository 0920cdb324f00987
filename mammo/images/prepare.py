"""From a file to the input pictures of a trunk: read once, then prepare every variant."""

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
    """The preparation of a picture: the part of a `CacheSpec` about pixels before the trunk."""

    preprocess: str
    resize: str
    size: int

    @classmethod
    def of(cls, spec: CacheSpec) -> Variant:
        """Return the variant of `spec`; raise MammoError where it names an unknown transform."""
        pick(PREPROCESSINGS, spec.preprocess, "preprocessing")
        pick(RESIZES, spec.resize, "resize")
        return cls(spec.preprocess, spec.resize, spec.size)


def prepare(request: tuple[IndexedFile, tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """Read a file once and return one picture (size, size) in 0..1 for each variant.

    Raises MammoError where the file is missing, damaged or changed since it was indexed.
    """
    source, variants = request
    raster = source.read()
    pictures: dict[Variant, NDArray[np.float32]] = {}
    for name in {variant.preprocess for variant in variants}:
        same = [variant for variant in variants if variant.preprocess == name]
        targets = [(RESIZES[variant.resize], variant.size) for variant in same]
        pictures |= dict(zip(same, _squares(raster, name, targets), strict=True))
    return [pictures[variant] for variant in variants]


def prepare_stacks(request: tuple[tuple[IndexedFile, ...], tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """Run `prepare` for several files; return one stack of pictures (files, size, size) for each variant."""
    sources, variants = request
    rows = [prepare((source, variants)) for source in sources]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _squares(raster: Raster, preprocess: str, targets: list[tuple[Resize, int]]) -> list[NDArray[np.float32]]:
    """Return the squares of one preprocessing, directly from the stored integers where it changes nothing."""
    apply = PREPROCESSINGS[preprocess].apply
    if apply is None:
        return to_squares(raster.pixels, targets, raster.white)
    return to_squares(apply(raster.to_float()), targets)
