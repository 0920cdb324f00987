"""Features larger than memory: the same scores as from memory, from blocks that are read as they are needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammo.errors import MammoError
from mammo.heads.training.loader import InMemory, Streaming, open_loader
from mammo.heads.training.task import Task
from mammo.heads.training.train import Resources, train_splits
from mammo.heads.training.vectors import Source
from mammo.progress import finish
from mammo.specs import HeadSpec

CPU = torch.device("cpu")
FIRST = {"lr": 1e-2, "epochs": 4, "patience": 2, "dropout": 0.2}
HEADS = [HeadSpec(hidden=hidden, seed=seed, **FIRST) for hidden in (0, 8) for seed in (0, 1)]


@pytest.fixture(scope="module")
def drawn(images):
    """Three versions of each image as half floats, which train together."""
    noise = np.random.default_rng(1).normal(0, 0.2, (3, *images.vectors.shape))
    noise[0] = 0
    versions = (images.vectors + noise).astype(np.float16)
    count, length = images.vectors.shape
    return Source(count, length, lambda version, rows: versions[version][rows], "float16", 3, lambda *_: range(3))


def tasks_of(images):
    other = np.random.default_rng(2).permutation(images.parts)
    return [Task(images.labels, images.parts), Task(images.labels, other)]


@pytest.mark.parametrize("versions", [1, 3])
def test_features_read_block_by_block_train_as_from_memory(images, drawn, versions):
    source = drawn if versions == 3 else replace(drawn, versions=1, training=lambda *_: range(1))
    block = 128 * source.image_bytes
    held, streamed, starved = (
        finish(train_splits(source, tasks_of(images), HEADS, "cpu", Resources(memory, window=128)))
        for memory in (None, 2 * block + 130 * source.image_bytes, 2 * block)
    )
    for one, other, third in zip(held, streamed, starved, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)
        np.testing.assert_array_equal(one.logits, third.logits)
        np.testing.assert_array_equal(one.history, other.history)
        assert np.isfinite(one.logits).all()


def test_the_limit_decides_and_is_kept(drawn):
    whole, held_out = 3 * 290 * drawn.image_bytes, np.arange(40)
    assert isinstance(open_loader(drawn, CPU, whole, held_out), InMemory)
    least = 2 * 64 * drawn.image_bytes
    loader = open_loader(drawn, CPU, least + 40 * drawn.image_bytes, held_out, 64)
    assert isinstance(loader, Streaming) and loader.stays
    loader = open_loader(drawn, CPU, least, held_out, 64)
    assert isinstance(loader, Streaming) and not loader.stays
    with pytest.raises(MammoError, match="reads 64 images at a time.*allow more with --memory"):
        open_loader(drawn, CPU, least - 1, held_out, 64)


def test_numbers_that_are_not_finite_are_refused_wherever_they_come_up(images, drawn):
    def spoilt(version, rows):
        values = drawn.read(version, rows).copy()
        values[-1, -1] = np.nan if version == 2 else 1
        return values

    bad = replace(drawn, read=spoilt)
    for memory in (None, 2 * 128 * drawn.image_bytes):
        with pytest.raises(MammoError, match="not finite"):
            finish(train_splits(bad, tasks_of(images), HEADS[:1], "cpu", Resources(memory, window=128)))
