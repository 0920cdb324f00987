"""Losses: what training makes small, each with the gradient by which it does so. torch is loaded when one is used.

All functions take the outputs of heads as `mammo.heads.outputs` describes them: one logit for two classes, else one
number a class, the last of them malignant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from mammo.specs import HeadSpec

LEAST_DOUBT = 1e-300
"""The least that 1 - p of an image is taken to be, so that a power of it below 0 stays finite."""


@dataclass(frozen=True)
class Loss:
    """One loss of a head.

    `value(outputs, labels, head)` is that of every image, (H, N) of outputs (H, C, N) and labels (N,).
    `gradient(outputs, truth, head)` is its derivative by the outputs, (..., C, N), where `truth` (..., C, N) holds the
    chances that are right. `weight(malignant, head)` says how many times an image counts, (N,) of whether it is
    malignant; once where it is None. `compiled` says whether the compiled step has the gradient.
    """

    label: str
    description: str
    value: Callable[[Tensor, Tensor, HeadSpec], Tensor]
    gradient: Callable[[Tensor, Tensor, HeadSpec], Tensor]
    weight: Callable[[Tensor, HeadSpec], Tensor] | None = None
    compiled: bool = False


def _cross_entropy(outputs: Tensor, labels: Tensor, _head: HeadSpec) -> Tensor:
    from torch.nn.functional import cross_entropy, softplus

    if outputs.shape[1] == 1:
        return softplus(outputs[:, 0] * (1 - 2 * labels.to(outputs.dtype)))
    return cross_entropy(outputs, labels.long().expand(len(outputs), -1), reduction="none")


def _surplus(outputs: Tensor, truth: Tensor) -> Tensor:
    """How much too high the chance of malignant, or of every class, is, in double precision.

    A float32 chance near 1 is a multiple of 6e-8, while Adam's updates are as large for tiny gradients as for others.
    Also, a float32 vector's last numbers take another path through the exponential.
    """
    wide = outputs.double()
    return (wide.sigmoid() if outputs.shape[-2] == 1 else wide.softmax(-2)) - truth


def _cross_entropy_gradient(outputs: Tensor, truth: Tensor, _head: HeadSpec) -> Tensor:
    return _surplus(outputs, truth).float()


def _positive_weight(malignant: Tensor, head: HeadSpec) -> Tensor:
    return 1 + (head.pos_weight - 1) * malignant


def _focal(outputs: Tensor, labels: Tensor, head: HeadSpec) -> Tensor:
    """(1 - p)^gamma times the cross-entropy, p being the chance that is given to the right class (Lin et al. 2017)."""
    entropy = _cross_entropy(outputs, labels, head)
    doubt = -(-entropy).expm1()
    return doubt.clamp(min=0) ** head.gamma * entropy


def _focal_gradient(outputs: Tensor, truth: Tensor, head: HeadSpec) -> Tensor:
    """((1 - p)^gamma - gamma (1 - p)^(gamma - 1) p log p) times that of the cross-entropy."""
    from torch.nn.functional import logsigmoid

    wide = outputs.double()
    if outputs.shape[-2] == 1:
        log_chance = logsigmoid(wide * (2 * truth - 1))
    else:
        log_chance = (wide.log_softmax(-2) * truth).sum(-2, keepdim=True)
    chance, doubt = log_chance.exp(), (-log_chance.expm1()).clamp(min=LEAST_DOUBT)
    factor = doubt**head.gamma - head.gamma * doubt ** (head.gamma - 1) * chance * log_chance
    return (factor * _surplus(outputs, truth)).float()


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss(
        "Cross-entropy", "Every image counts alike.", _cross_entropy, _cross_entropy_gradient, compiled=True
    ),
    "weighted": Loss(
        "Weighted",
        "Cross-entropy in which a malignant image counts several times.",
        _cross_entropy,
        _cross_entropy_gradient,
        _positive_weight,
        compiled=True,
    ),
    "focal": Loss(
        "Focal",
        "Cross-entropy in which an image counts the less the surer the head is of it, Lin et al. 2017.",
        _focal,
        _focal_gradient,
    ),
}
