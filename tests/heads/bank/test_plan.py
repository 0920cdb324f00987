"""Which heads share a bank, and which banks memory."""

from __future__ import annotations

import itertools

import pytest

from mammo.heads.bank.plan import COPIES, FULL, MEMORY, group_heads, plan_banks, waves
from mammo.specs import HeadSpec


def test_heads_that_cannot_share_a_batch_get_a_bank_each():
    heads = [HeadSpec(), HeadSpec(batch=16), HeadSpec(seed=1), HeadSpec(hidden=8), HeadSpec(dropout=0.5)]
    friends = [HeadSpec(lr=0.1, optimizer="nadam", epochs=3, patience=2), HeadSpec(hidden=8, dropout=0.5)]
    assert group_heads(heads + friends) == [[0, 5], [1], [2], [3, 6], [4]]


@pytest.mark.parametrize("threads", [None, 1, 2, 16])
@pytest.mark.parametrize("features", [64, 2048, 100_352])
@pytest.mark.parametrize("hidden", [0, 128])
def test_every_head_trains_once_on_every_split(threads, features, hidden):
    heads = [HeadSpec(hidden=hidden, seed=seed, lr=lr) for seed in (0, 1) for lr in (1e-2, 1e-3, 1e-4)]
    made = plan_banks(heads, [1, 3, 1], features, threads)
    pairs = [(head, split) for bank in made for head, split in itertools.product(bank.heads, bank.splits)]
    assert sorted(pairs) == sorted(itertools.product(range(6), range(3)))
    assert all(len({heads[row].seed for row in bank.heads}) == 1 for bank in made)
    assert all(bank.splits in ([0, 2], [1], [0], [2]) for bank in made)


def test_small_heads_share_a_step_among_splits_and_large_ones_a_core_each():
    heads = [HeadSpec(lr=1e-4 * (1 + row)) for row in range(64)]
    assert [bank.splits for bank in plan_banks(heads, [1] * 5, 512, 1)] == [[0, 1, 2, 3, 4]]
    assert [bank.splits for bank in plan_banks(heads, [1] * 2, 25_088, 2)] == [[0], [1]]
    assert [len(bank.heads) for bank in plan_banks(heads, [1], 25_088, 2)] == [32, 32]
    deep = [HeadSpec(hidden=128, lr=1e-4 * (1 + row)) for row in range(3)]
    assert [bank.heads for bank in plan_banks(deep, [1], 25_088, 2)] == [[0], [1], [2]]
    assert max(bank.numbers for bank in plan_banks(heads * 40, [1] * 5, 512, 2)) <= FULL


def test_what_trains_at_once_stays_within_its_memory():
    heads = [HeadSpec(hidden=128, lr=1e-6 * (1 + row)) for row in range(40)]
    banks = plan_banks(heads, [1, 1], 25_088, 2)
    planned = waves(banks)
    assert len(planned) > 1 and list(itertools.chain(*planned)) == banks
    assert all(4 * COPIES * sum(bank.numbers for bank in one) <= MEMORY for one in planned)
    (huge,) = waves(plan_banks([HeadSpec(hidden=8192)], [1], 100_352, 2))
    assert len(huge) == 1
    assert all(4 * COPIES * bank.numbers <= MEMORY for bank in plan_banks(heads, [1, 1], 25_088, None))
