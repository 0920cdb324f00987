"""The one update that all optimisers share: in torch's operations, or in one pass where there is a C compiler."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mammo.heads.bank.kernels import compiled
from mammo.heads.optimizers import BETA1, BETA2, EPSILON, OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mammo.specs import HeadSpec


@functools.lru_cache
def _coefficients(optimizer: str, steps: int) -> NDArray[np.float64]:
    return OPTIMIZERS[optimizer].coefficients(steps)


def update_coefficients(heads: Sequence[HeadSpec], first: int, steps: int) -> NDArray[np.float32]:
    """The coefficients of updates `first` + 1 … `first` + `steps` of H heads: (steps, 4, H).

    They are blend, floor, scale and shrink, in this order.

    They are those of `optimizers.Optimizer` with all but one factor moved below the fraction's bar, so that

        p = shrink·p - (blend·m + (1 - blend)·g) / (scale·sqrt(v) + floor)

    where blend = c1 / (c1 + c2), scale = 1 / ((c1 + c2)·lr·sqrt(1-β2ᵗ)), floor = ε / ((c1 + c2)·lr) and shrink is
    1 - lr·weight_decay where the optimiser decays weights, else 1.
    """
    enough = 1 << (first + steps).bit_length()
    pairs = np.stack([_coefficients(head.optimizer, enough)[first : first + steps] for head in heads], axis=2)
    sums = pairs.sum(axis=1) * np.array([head.lr for head in heads])
    corrections = np.sqrt(1 - BETA2 ** np.arange(first + 1, first + steps + 1))[:, None]
    blend = pairs[:, 0] / pairs.sum(axis=1)
    decay = np.array([head.lr * head.weight_decay if OPTIMIZERS[head.optimizer].decays else 0.0 for head in heads])
    shrink = np.broadcast_to(1 - decay, blend.shape)
    return np.stack([blend, EPSILON / sums, 1 / (sums * corrections), shrink], axis=1).astype(np.float32)


class FusedUpdate:
    """The update of one matrix (rows, columns), in place, from what was written to its `gradient`, which is used up.

    Columns stand side by side in memory. As many rows follow one lane's rule as there are more rows than lanes.
    """

    def __init__(self, value: Tensor, mean: Tensor, square: Tensor, gradient: Tensor, slots: int) -> None:
        self.value, self.mean, self.square, self.gradient = value, mean, square, gradient
        self.height = len(value) // slots
        self.compiled = compiled("fused_update") if value.device.type == "cpu" else None
        self.places = tuple(tensor.data_ptr() for tensor in (value, mean, square, gradient))
        self.shape = *value.shape, value.stride(0), gradient.stride(0), self.height, 1 - BETA1, 1 - BETA2

    def __call__(self, coefficients: Tensor) -> None:
        """One update by what `update_coefficients` gives for it: (4, lanes), its numbers side by side in memory."""
        if self.compiled is not None:
            self.compiled(*self.places, coefficients.data_ptr(), *self.shape)
            return
        blend, floor, scale, shrink = coefficients[:, :, None].expand(-1, -1, self.height).reshape(4, -1, 1)
        gradient, square = self.gradient, self.square
        self.mean.lerp_(gradient, 1 - BETA1)
        divisor = gradient * gradient
        square.lerp_(divisor, 1 - BETA2)
        torch.addcmul(floor, torch.sqrt(square, out=divisor), scale, out=divisor)
        self.value.mul_(shrink).addcdiv_(torch.lerp(gradient, self.mean, blend, out=gradient), divisor, value=-1)
