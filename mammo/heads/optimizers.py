"""Optimisers as coefficients of one update, so that heads with different ones share a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
MOMENTUM_DECAY = 4e-3


@dataclass(frozen=True)
class Optimizer:
    """One member of Adam's family: a learning rate apart, `coefficients` says all that sets it apart.

    With g the gradient, m and v its running mean and mean square (m += (1-β1)(g-m), v += (1-β2)(g²-v)), update t is

        p -= lr · (c1·m + c2·g) / (sqrt(v / (1-β2ᵗ)) + ε)

    where, before that, p is shrunk to (1 - lr·weight_decay)·p if the optimiser `decays` its weights.
    `coefficients(steps)` gives (c1, c2) of the updates t = 1 … steps as float64 (steps, 2); c1 + c2 is never 0.
    """

    label: str
    description: str
    coefficients: Callable[[int], Floats]
    decays: bool = False


def _adam(steps: int) -> Floats:
    """Kingma and Ba 2015 as in torch.optim.Adam: the mean corrected for its start at zero."""
    import numpy as np

    t = np.arange(1, steps + 1)
    return np.stack([1 / (1 - BETA1**t), np.zeros(steps)], axis=1)


def _nadam(steps: int) -> Floats:
    """Dozat 2016 as in torch.optim.NAdam: Nesterov's look ahead, with a momentum μ that warms up.

    μₜ = β1·(1 - 0.96^(ψt) / 2), c1 = μₜ₊₁ / (1 - μ₁⋯μₜ₊₁), c2 = (1 - μₜ) / (1 - μ₁⋯μₜ).
    """
    import numpy as np

    momentum = BETA1 * (1 - 0.5 * 0.96 ** (MOMENTUM_DECAY * np.arange(1, steps + 2)))
    product = np.cumprod(momentum)
    return np.stack([momentum[1:] / (1 - product[1:]), (1 - momentum[:-1]) / (1 - product[:-1])], axis=1)


OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Optimizer("Adam", "Kingma and Ba 2015.", _adam),
    "nadam": Optimizer("NAdam", "Adam with Nesterov's momentum, Dozat 2016.", _nadam),
    "adamw": Optimizer(
        "AdamW", "Adam with weight decay apart from the gradient, Loshchilov and Hutter 2019.", _adam, decays=True
    ),
}
