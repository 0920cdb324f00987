"""Twenty epochs on features of a real trunk's scale come out as in double precision, whoever does the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from mammo.heads.bank import bank
from mammo.heads.bank import update as fused_update
from mammo.heads.bank.bank import initial_weights
from mammo.heads.bank.kernels import compiled
from mammo.heads.bank.randomness import generator
from mammo.heads.losses import LOSSES
from mammo.heads.training.train import train_bank
from mammo.progress import finish
from mammo.specs import HeadSpec
from tests.heads.conftest import Images

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAMILY = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}
CHANNELS, SIDE, COUNT = 512, 7, 190
POOLS = ("gap", "flatten")
HEADS = {
    pool: [HeadSpec(pool=pool, optimizer=name, lr=lr, epochs=20) for name in FAMILY for lr in (1e-3, 1e-4)]
    for pool in POOLS
}
WAYS = ("many steps in C", "one step in C", "torch")
"""Vectors of Flatten are too long for the first."""


@dataclass(frozen=True)
class Case:
    """Images of a pool, and what plain torch makes of them in float32 and in double precision, head by head."""

    images: Images
    single: list[NDArray[np.float64]]
    double: list[NDArray[np.float64]]


def maps() -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels, and maps as VGG16's last: not negative, three quarters zeros, channels of very different scale."""
    source = np.random.default_rng(2)
    labels = source.integers(0, 2, COUNT)
    dense = source.standard_normal((COUNT, CHANNELS, SIDE, SIDE)) + 0.7 * source.standard_normal(
        (COUNT, CHANNELS, 1, 1)
    )
    dense[:, :20] += 0.5 * (labels[:, None, None, None] - 0.5)
    scale = np.exp(source.normal(2.0, 1.0, CHANNELS))[:, None, None]
    return labels, (np.maximum(dense - 0.82, 0) * scale).astype(np.float32)


def plain_torch(images: Images, head: HeadSpec, precision: torch.dtype) -> NDArray[np.float64]:
    """The logits of a module and an optimiser of torch's own, from the bank's initial weights and in its order."""
    vectors, labels = torch.from_numpy(images.vectors).to(precision), torch.from_numpy(images.labels).to(precision)
    module, start = torch.nn.Linear(vectors.shape[1], 1, dtype=precision), initial_weights(head, vectors.shape[1])
    with torch.no_grad():
        module.weight.copy_(start["weight"])
        module.bias.copy_(start["bias"])
    optimizer = FAMILY[head.optimizer](module.parameters(), lr=head.lr)
    rows = torch.from_numpy(np.flatnonzero(images.parts == 0))
    for epoch in range(1, head.epochs + 1):
        order = rows[torch.randperm(len(rows), generator=generator(head.seed, "epoch", epoch))]
        for batch in order.split(head.batch):
            optimizer.zero_grad()
            logits = module(vectors[batch])[:, 0]
            torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[batch]).backward()
            optimizer.step()
    return module(vectors).detach().double().numpy()[:, 0]


@pytest.fixture(scope="module")
def cases():
    labels, stack = maps()
    assert 0.7 < (stack == 0).mean() < 0.8 and 300 < stack.max() < 1200
    parts = np.repeat(np.array([0, 1, 2], np.int8), [120, 30, 40])
    made = {}
    for pool, vectors in (("gap", stack.mean(axis=(2, 3))), ("flatten", stack.reshape(COUNT, -1))):
        images = Images(np.ascontiguousarray(vectors), labels, parts)
        made[pool] = Case(
            images,
            *([plain_torch(images, head, kind) for head in HEADS[pool]] for kind in (torch.float32, torch.float64)),
        )
    return made


def trained(images: Images, heads: list[HeadSpec], way: str, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
    """The logits of a bank whose steps are taken in one of `WAYS`."""
    if way != "torch" and compiled("descend") is None:
        pytest.skip("there is no C compiler here")
    if way != "many steps in C":
        monkeypatch.setattr(bank, "suits", lambda *_: False)
    if way == "torch":
        monkeypatch.setattr(fused_update, "compiled", lambda *_: None)
    return finish(train_bank(*images, heads, device="cpu")).logits


@pytest.mark.parametrize(("pool", "way"), [("gap", way) for way in WAYS] + [("flatten", way) for way in WAYS[1:]])
def test_no_way_is_farther_off_than_twice_what_torch_is_in_single_precision(cases, pool, way, monkeypatch):
    case = cases[pool]
    ours = trained(case.images, HEADS[pool], way, monkeypatch)
    for head, logits, single, double in zip(HEADS[pool], ours, case.single, case.double, strict=True):
        bound = 2 * np.abs(single - double).max()
        assert 0 < np.abs(logits - double).max() <= bound, head
        assert np.abs(logits - single).max() <= bound, head


def test_where_torch_loses_its_way_in_single_precision_a_bank_does_not(cases, monkeypatch):
    """A chance near 1 is a multiple of 6e-8, so that the errors of sure images are noise, which Adam makes large."""
    case = cases["flatten"]
    off = [np.abs(one - other).max() for one, other in zip(case.single, case.double, strict=True)]
    assert max(off) > 1e-2
    for way in WAYS[1:]:
        ours = trained(case.images, HEADS["flatten"], way, monkeypatch)
        for logits, double in zip(ours, case.double, strict=True):
            assert np.abs(logits - double).max() < 2e-3


@pytest.mark.parametrize("logit", [-25.0, -3.0, 0.5, 12.0, 17.0, 25.0])
@pytest.mark.parametrize("malignant", [0.0, 1.0])
def test_the_error_of_a_sure_image_is_not_rounded_away(logit, malignant):
    truth = torch.tensor([[malignant]])
    gradient = LOSSES["cross-entropy"].gradient
    alone = float(gradient(torch.tensor([[logit]]), truth, HeadSpec()))
    classes = torch.tensor([[1 - malignant], [0.0], [malignant]])
    three = gradient(torch.tensor([[0.0], [-np.inf], [logit]]), classes, HeadSpec())
    wanted = -1 / (1 + np.exp(logit)) if malignant else 1 / (1 + np.exp(-logit))
    np.testing.assert_allclose([alone, float(three[2])], wanted, rtol=1e-3 if abs(logit) > 20 else 1e-6)
