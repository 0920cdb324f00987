"""Threads that share work out."""

from __future__ import annotations

import threading

import pytest
import torch

from mammo.heads.bank.threads import ThreadPool


@pytest.fixture
def thread_pool():
    made = ThreadPool(3)
    yield made
    made.close()


def test_a_crew_works_at_once_and_does_everything_once(thread_pool):
    barrier, done = threading.Barrier(3, timeout=10), []

    def work(item):
        if item < 3:
            barrier.wait()
        done.append(item)

    thread_pool.each(work, range(20))
    assert sorted(done) == list(range(20))


def test_what_a_helper_raises_is_raised(thread_pool):
    def work(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match=r"\d"):
        thread_pool.each(work, range(6))


def test_torch_keeps_to_one_core_while_any_crew_is_at_work(thread_pool):
    before, inside, other = torch.get_num_threads(), [], ThreadPool(1)
    torch.set_num_threads(2)
    try:
        first, second = thread_pool.single_threaded_torch(), other.single_threaded_torch()
        first.__enter__()
        second.__enter__()
        thread_pool.each(lambda _: inside.append(torch.get_num_threads()), range(8))
        first.__exit__(None, None, None)
        inside.append(torch.get_num_threads())
        second.__exit__(None, None, None)
        assert set(inside) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("rows", "shares"), [(128, 3), (8, 1), (20, 2), (5, 1)])
def test_shares_cover_all_rows_in_whole_strips(thread_pool, rows, shares):
    made = thread_pool.shares(rows, 8)
    assert len(made) == shares
    assert [row for share in made for row in range(share.start, share.stop)] == list(range(rows))
    assert all(share.start % 8 == 0 for share in made)
