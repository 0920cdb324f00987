from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Images:
    """Vectors, labels and parts that a linear head can learn a good deal of, though not all."""

    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    parts: NDArray[np.int8]

    def __iter__(self):
        return iter((self.vectors, self.labels, self.parts))


def draw(train: int = 150, validation: int = 60, test: int = 80, features: int = 40, signal: float = 1.5) -> Images:
    """Non-negative features, half of them zero as after a ReLU; the label moves the first few."""
    source = np.random.default_rng(7)
    count = train + validation + test
    labels = source.integers(0, 2, count)
    vectors = source.standard_normal((count, features), dtype=np.float32)
    vectors[:, :4] += signal * (labels[:, None] - 0.5)
    parts = np.repeat(np.array([0, 1, 2], np.int8), [train, validation, test])
    order = source.permutation(count)
    return Images(np.maximum(vectors[order], 0), labels[order], parts[order])


@pytest.fixture(scope="session")
def images() -> Images:
    return draw()


@pytest.fixture(scope="session")
def threefold(images: Images) -> Images:
    """The same images with the benign ones, 0 and 1, told apart by a feature; malignant is 2."""
    benign = (images.vectors[:, 5] > 0.4).astype(np.int64)
    return Images(images.vectors, np.where(images.labels == 1, 2, benign), images.parts)
