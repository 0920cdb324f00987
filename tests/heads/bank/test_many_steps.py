"""Many steps at once come to what the same steps come to one by one."""

import pytest
import torch

from mammo.heads.bank import bank as banks
from mammo.heads.bank import many_steps
from mammo.heads.bank.bank import Bank
from mammo.heads.bank.kernels import compiled
from mammo.heads.bank.plan import SHORT_VECTOR
from mammo.heads.bank.schedule import BatchSchedule
from mammo.specs import HeadSpec

HEADS = [HeadSpec(optimizer=name, lr=lr) for name in ("adam", "nadam") for lr in (1e-2, 1e-3, 1e-4)]
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _with_a_compiler():
    if compiled("many_steps") is None:
        pytest.skip("there is no C compiler here")


def schedule(features, batch, steps, seed=0):
    source = torch.Generator().manual_seed(seed)
    vectors = torch.randn(90, features, generator=source).relu()
    rows = torch.randint(0, 90, (max(steps), len(steps), batch), generator=source)
    truth = (torch.rand(90, generator=source) < 0.4).float()[rows][:, :, None]
    counts = torch.full(rows.shape, 1 / batch)
    counts[-1, :, -1] = 0
    return BatchSchedule(vectors, rows, truth, counts, steps)


@pytest.mark.parametrize(("features", "batch"), [(1, 1), (5, 7), (64, 32), (131, 13), (512, 32)])
@pytest.mark.parametrize("steps", [[9], [6, 9, 0]])
def test_they_are_the_steps_that_torch_takes(features, batch, steps, monkeypatch):
    given = schedule(features, batch, steps)
    ours, theirs = (Bank([HEADS for _ in steps], features, CPU) for _ in range(2))
    seen = [ours.learn(given, []), ours.learn(given, [])]
    monkeypatch.setattr(banks, "suits", lambda *_: False)
    wanted = [theirs.learn(given, []), theirs.learn(given, [])]
    for found, expected in zip(seen, wanted, strict=True):
        for split, count in enumerate(steps):
            images = count * batch
            torch.testing.assert_close(found[split, ..., :images], expected[split, ..., :images], atol=2e-5, rtol=1e-4)
    for mine, other in zip(ours.states, theirs.states, strict=True):
        for name, value in mine.items():
            torch.testing.assert_close(value, other[name], atol=2e-6, rtol=1e-4)


def test_a_head_is_the_same_to_the_last_bit_in_any_company():
    given = schedule(200, 32, [20])
    together, alone = Bank([HEADS], 200, CPU), Bank([HEADS[3:4]], 200, CPU)
    among, own = together.learn(given, []), alone.learn(given, [])
    assert torch.equal(among[0, 3], own[0, 0])
    assert torch.equal(together.weights["weight"][0, 3], alone.weights["weight"][0, 0])


def test_what_they_are_not_made_for_is_left_to_torch():
    suited = Bank([HEADS], 8, CPU).states
    vectors = torch.zeros(4, 8)
    assert many_steps.suits(suited, vectors)
    assert not many_steps.suits(suited, vectors.half())
    assert not many_steps.suits(suited, torch.zeros(8, 4).T)
    assert not many_steps.suits(Bank([HEADS], 8, CPU, classes=3).states, vectors)
    assert not many_steps.suits(Bank([[HeadSpec(hidden=4)]], 8, CPU).states, vectors)
    assert not many_steps.suits(suited, torch.zeros(1, SHORT_VECTOR + 1))
