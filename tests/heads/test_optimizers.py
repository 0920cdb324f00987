from __future__ import annotations

import numpy as np
import pytest
import torch

from mammo.heads.optimizers import BETA1, BETA2, EPSILON, OPTIMIZERS

TORCHS = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam, "adamw": torch.optim.AdamW}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_update_is_torchs(name):
    """One number, in double precision, over 300 gradients."""
    gradients = np.random.default_rng(0).standard_normal(300)
    theirs = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = TORCHS[name]([theirs], lr=0.01)
    shrink = 1 - 0.01 * optimizer.param_groups[0]["weight_decay"] if OPTIMIZERS[name].decays else 1.0
    ours = mean = square = 0.0
    for step, ((c1, c2), gradient) in enumerate(zip(OPTIMIZERS[name].coefficients(300), gradients, strict=True), 1):
        theirs.grad = torch.tensor([gradient])
        optimizer.step()
        mean += (1 - BETA1) * (gradient - mean)
        square += (1 - BETA2) * (gradient**2 - square)
        ours = shrink * ours - 0.01 * (c1 * mean + c2 * gradient) / (np.sqrt(square / (1 - BETA2**step)) + EPSILON)
        assert ours == pytest.approx(theirs.item(), abs=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_coefficients_do_not_depend_on_how_many_are_asked_for(name):
    coefficients = OPTIMIZERS[name].coefficients
    np.testing.assert_array_equal(coefficients(500)[:20], coefficients(20))
    assert coefficients(20).shape == (20, 2) and (coefficients(500).sum(axis=1) > 0).all()
