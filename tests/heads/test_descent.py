"""The update in one pass, and in torch's operations, against torch's own optimisers."""

from __future__ import annotations

import pytest
import torch

from mammo.heads import descent
from mammo.heads.compiled import compiled
from mammo.heads.descent import Descent, rules
from mammo.specs import HeadSpec

HEADS = [HeadSpec(optimizer=name, lr=lr) for name in ("adam", "nadam") for lr in (1e-2, 1e-4)]
FAMILY = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}
STEPS = 30


@pytest.fixture(params=["compiled", "torch"])
def way(request, monkeypatch):
    """Both ways of doing the same."""
    if request.param == "torch":
        monkeypatch.setattr(descent, "compiled", lambda *_: None)
    elif compiled("descend") is None:
        pytest.skip("there is no C compiler here")


@pytest.mark.parametrize("height", [1, 3])
def test_every_lane_is_updated_as_by_torchs_own_optimiser(way, height):
    """Also in a tile of a wider matrix, and at gradients of many sizes."""
    source = torch.Generator().manual_seed(0)
    rows, width, tile = len(HEADS) * height, 50, slice(7, 40)
    value, mean, square = torch.randn(rows, width, generator=source), torch.zeros(rows, width), torch.zeros(rows, width)
    before = value.clone()
    gradient = torch.empty(rows, 33)
    update = Descent(value[:, tile], mean[:, tile], square[:, tile], gradient, len(HEADS))
    theirs = [value[row, tile].clone().requires_grad_() for row in range(rows)]
    optimizers = [
        FAMILY[HEADS[row // height].optimizer]([one], HEADS[row // height].lr) for row, one in enumerate(theirs)
    ]
    for rule in torch.from_numpy(rules(HEADS, 0, STEPS)):
        slopes = torch.randn(rows, 33, generator=source) * 10.0 ** torch.randint(-6, 3, (rows, 33), generator=source)
        gradient.copy_(slopes)
        update(rule)
        for one, slope, optimizer in zip(theirs, slopes, optimizers, strict=True):
            one.grad = slope.clone()
            optimizer.step()
    torch.testing.assert_close(value[:, tile], torch.stack(theirs).detach(), atol=2e-6, rtol=2e-6)
    assert torch.equal(value[:, :7], before[:, :7]) and torch.equal(value[:, 40:], before[:, 40:])


def test_rules_go_on_where_they_ended():
    whole = rules(HEADS, 0, 20)
    assert (whole[7:] == rules(HEADS, 7, 13)).all() and whole.shape == (20, 3, len(HEADS))
