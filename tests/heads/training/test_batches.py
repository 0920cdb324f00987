"""The order of an epoch: every image once, the same for every split, and as one permutation where few train."""

from __future__ import annotations

import numpy as np
import torch

from mammo.heads.bank.randomness import generator
from mammo.heads.training.batches import blocks, shuffled


def test_a_small_epoch_is_one_permutation_of_what_trains():
    (block,) = blocks(100, [2], 5)
    training = np.arange(100) % 3 > 0
    order = shuffled(block, training, generator(1, "epoch", 5))
    rows = torch.arange(100)[torch.from_numpy(training)]
    expected = rows[torch.randperm(len(rows), generator=generator(1, "epoch", 5))]
    assert block.images[order].tolist() == expected.tolist() and set(block.versions) == {2}


def test_a_large_epoch_has_every_version_of_every_image_once_in_blocks_of_shuffled_chunks():
    made = blocks(1000, [0, 1, 2], 1, window=256)
    seen = [pair for block in made for pair in zip(block.versions.tolist(), block.images.tolist(), strict=True)]
    assert len(seen) == len(set(seen)) == 3000 and len(made) == 12
    assert max(len(block.images) for block in made) == 256
    assert len({version for version, _, _ in made[0].pieces}) > 1
    assert [block.pieces for block in made] == [block.pieces for block in blocks(1000, [0, 1, 2], 1, window=256)]
    assert made[0].pieces != blocks(1000, [0, 1, 2], 2, window=256)[0].pieces
