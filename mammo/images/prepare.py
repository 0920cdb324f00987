"""From a file to pictures ready for a trunk: read once, then every variant that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.source import Source
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


def prepare(request: tuple[Source, tuple[Variant, ...]]) -> list[NDArray[np.float32]]:
    """Read a file once and return one picture (size, size) in 0..1 for each variant.

    Raises MammoError where the file is gone, damaged, or no longer the one that was indexed.
    """
    source, variants = request
    picture = source.read().to_float()
    preprocessed = {name: PREPROCESSINGS[name].apply(picture) for name in {one.preprocess for one in variants}}
    return [RESIZES[one.resize].apply(preprocessed[one.preprocess], one.size) for one in variants]
