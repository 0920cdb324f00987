"""Threads that share work out."""

from __future__ import annotations

import threading

import pytest
import torch

from mammo.heads.bank.threads import Crew


@pytest.fixture
def crew():
    made = Crew(3)
    yield made
    made.close()


def test_a_crew_works_at_once_and_does_everything_once(crew):
    barrier, done = threading.Barrier(3, timeout=10), []

    def work(item):
        if item < 3:
            barrier.wait()
        done.append(item)

    crew.each(work, range(20))
    assert sorted(done) == list(range(20))


def test_what_a_helper_raises_is_raised(crew):
    def work(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match=r"\d"):
        crew.each(work, range(6))


def test_torch_keeps_to_one_core_while_any_crew_is_at_work(crew):
    before, inside, other = torch.get_num_threads(), [], Crew(1)
    torch.set_num_threads(2)
    try:
        first, second = crew.at_work(), other.at_work()
        first.__enter__()
        second.__enter__()
        crew.each(lambda _: inside.append(torch.get_num_threads()), range(8))
        first.__exit__(None, None, None)
        inside.append(torch.get_num_threads())
        second.__exit__(None, None, None)
        assert set(inside) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("rows", "shares"), [(128, 3), (8, 1), (20, 2), (5, 1)])
def test_shares_cover_all_rows_in_whole_strips(crew, rows, shares):
    made = crew.shares(rows, 8)
    assert len(made) == shares
    assert [row for share in made for row in range(share.start, share.stop)] == list(range(rows))
    assert all(share.start % 8 == 0 for share in made)
