"""The update in one pass, and in torch's operations, against torch's own optimisers."""

from __future__ import annotations

import pytest
import torch

from mammo.heads.bank import update as fused_update
from mammo.heads.bank.kernels import compiled
from mammo.heads.bank.update import FusedUpdate, update_coefficients
from mammo.specs import HeadSpec

FAMILY = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam, "adamw": torch.optim.AdamW}
HEADS = [HeadSpec(optimizer=name, lr=lr) for name in FAMILY for lr in (1e-2, 1e-4)]
STEPS = 30


@pytest.fixture(params=["compiled", "torch"])
def way(request, monkeypatch):
    """Both ways of doing the same."""
    if request.param == "torch":
        monkeypatch.setattr(fused_update, "compiled", lambda *_: None)
    elif compiled("fused_update") is None:
        pytest.skip("there is no C compiler here")


@pytest.mark.parametrize("height", [1, 3])
def test_every_lane_is_updated_as_by_torchs_own_optimiser(way, height):
    """Also in a tile of a wider matrix, and at gradients of many sizes."""
    source = torch.Generator().manual_seed(0)
    rows, width, tile = len(HEADS) * height, 50, slice(7, 40)
    value, mean, square = torch.randn(rows, width, generator=source), torch.zeros(rows, width), torch.zeros(rows, width)
    before = value.clone()
    gradient = torch.empty(rows, 33)
    update = FusedUpdate(value[:, tile], mean[:, tile], square[:, tile], gradient, len(HEADS))
    theirs = [value[row, tile].clone().requires_grad_() for row in range(rows)]
    optimizers = [
        FAMILY[HEADS[row // height].optimizer]([one], HEADS[row // height].lr) for row, one in enumerate(theirs)
    ]
    for coefficients in torch.from_numpy(update_coefficients(HEADS, 0, STEPS)):
        slopes = torch.randn(rows, 33, generator=source) * 10.0 ** torch.randint(-6, 3, (rows, 33), generator=source)
        gradient.copy_(slopes)
        update(coefficients)
        for one, slope, optimizer in zip(theirs, slopes, optimizers, strict=True):
            one.grad = slope.clone()
            optimizer.step()
    torch.testing.assert_close(value[:, tile], torch.stack(theirs).detach(), atol=2e-6, rtol=2e-6)
    assert torch.equal(value[:, :7], before[:, :7]) and torch.equal(value[:, 40:], before[:, 40:])


def test_moments_are_those_of_double_precision(way):
    """A share of 1 - β2 that is 1.3e-5 too low, or a decay by a rounded β2, would show here."""
    source = torch.Generator().manual_seed(1)
    value, mean, square, gradient = (torch.zeros(len(HEADS), 64) for _ in range(4))
    update, wanted = FusedUpdate(value, mean, square, gradient, len(HEADS)), torch.zeros(2, len(HEADS), 64, dtype=float)
    for coefficients in torch.from_numpy(update_coefficients(HEADS, 0, 1000)):
        slopes = torch.randn(value.shape, generator=source) + 3
        gradient.copy_(slopes)
        update(coefficients)
        wanted[0] += (1 - 0.9) * (slopes.double() - wanted[0])
        wanted[1] += (1 - 0.999) * (slopes.double() ** 2 - wanted[1])
    torch.testing.assert_close(mean.double(), wanted[0], atol=0, rtol=1e-6)
    torch.testing.assert_close(square.double(), wanted[1], atol=0, rtol=3e-6)


def test_rules_go_on_where_they_ended():
    whole = update_coefficients(HEADS, 0, 20)
    assert (whole[7:] == update_coefficients(HEADS, 7, 13)).all() and whole.shape == (20, 4, len(HEADS))
