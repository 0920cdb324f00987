"""Many steps of linear heads in one call where there is a C compiler, so that Python does not hold up other cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mammo.heads.bank.kernels import compiled
from mammo.heads.bank.plan import SHORT_VECTOR
from mammo.heads.optimizers import BETA1, BETA2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.heads.bank.schedule import BatchSchedule

TILE = 128
"""Features that are packed at a time, as many_steps.c has it."""


def suits(states: Sequence[dict[str, Tensor]], vectors: Tensor) -> bool:
    """Whether heads of these weights and moments, as `bank.Weights`, can take their steps on these vectors here.

    On longer vectors matrix libraries are as fast, and what Python takes between steps is nothing beside them.
    """
    weights = states[0]
    linear = "hidden.weight" not in weights and weights["bias"].shape[2] == 1
    plain = vectors.device.type == "cpu" and vectors.dtype == torch.float32 and vectors.is_contiguous()
    return linear and plain and vectors.shape[1] <= SHORT_VECTOR and compiled("many_steps") is not None


def many_steps(states: Sequence[dict[str, Tensor]], schedule: BatchSchedule, coefficients: Tensor) -> Tensor:
    """Take the steps of a lesson by the rule (K, 4, S, H), without dropout.

    Returns the outputs (K, S, H, 1, B) that each batch had before its update; those of steps that a split does not
    have are of no use.
    """
    function = compiled("many_steps")
    assert function is not None
    count, splits, batch = schedule.rows.shape
    heads, features = coefficients.shape[3], schedule.vectors.shape[1]
    scores = coefficients.new_empty(count, splits, heads, 1, batch)
    steps = torch.tensor(schedule.steps)
    inputs = [part.contiguous() for part in (schedule.rows, schedule.truth, schedule.counts, coefficients)]
    learnt = [state[name] for name in ("weight", "bias") for state in states]
    room = steps.new_empty(batch), coefficients.new_empty(heads * batch), coefficients.new_empty(batch * TILE)
    addresses = [part.data_ptr() for part in (schedule.vectors, *inputs, steps, *learnt, scores, *room)]
    function(*addresses, splits, heads, batch, features, 1 - BETA1, 1 - BETA2)
    return scores
