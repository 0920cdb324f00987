"""What the numbers of a head's last layer mean: one logit for two classes, or one number a class.

Classes are numbered from 0 and malignant comes last. All functions take the outputs (H, C, N) of H heads on N images:
C is 1 for two classes, and the number of classes K for more. Whatever C is, a head's answer is one number, the
log-odds of malignant against the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy, one_hot, softplus

if TYPE_CHECKING:
    from torch import Tensor


def outputs_for(classes: int) -> int:
    """The outputs C that a head needs for so many classes."""
    return 1 if classes == 2 else classes


def log_odds(outputs: Tensor) -> Tensor:
    """The log-odds of malignant against the rest (H, N): a single logit as it is, else z_m - log Σ exp z_other."""
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    wide = outputs.double()
    return (wide[:, -1] - wide[:, :-1].logsumexp(1)).float()


def surplus(outputs: Tensor, truth: Tensor) -> Tensor:
    """How much too high the chance of malignant, or of every class, is: (…, C, N) of outputs and truth (…, C, N).

    Taken in double precision: a float32 chance near 1 is a multiple of 6e-8, while Adam's updates are as large for
    tiny gradients as for others. Also, a float32 vector's last numbers take another path through the exponential.
    """
    wide = outputs.double()
    return ((wide.sigmoid() if outputs.shape[-2] == 1 else wide.softmax(-2)) - truth).float()


def truth(labels: Tensor, count: int) -> Tensor:
    """The chances that are right, for labels (N,) and heads of C = `count` outputs: (C, N) of 0 and 1."""
    return labels.float()[None] if count == 1 else one_hot(labels.long(), count).T.float()


def loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (H, N) of labels (N,)."""
    if outputs.shape[1] == 1:
        return softplus(outputs[:, 0] * (1 - 2 * labels.to(outputs.dtype)))
    return cross_entropy(outputs, labels.long().expand(len(outputs), -1), reduction="none")


def fit(outputs: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy, and accuracy of malignant against the rest, (H,) of labels (N,)."""
    right = (log_odds(outputs) > 0) == (labels == classes - 1)
    return loss(outputs, labels).mean(1), right.float().mean(1)


def areas(scores: Tensor, positive: Tensor) -> Tensor:
    """The areas (H,) under the ROC curves of scores (H, N) for the truth (N,), as `statistics.metrics.auc` gives them.

    Every positive counts the negatives below it, and half of those it ties with; sorting them once serves all heads.
    """
    above, below = scores[:, positive].contiguous(), scores[:, ~positive].sort(1).values
    count = above.shape[1] * below.shape[1]
    if not count:
        return scores.new_full((len(scores),), torch.nan, dtype=torch.float64)
    pairs = torch.searchsorted(below, above).sum(1) + torch.searchsorted(below, above, right=True).sum(1)
    return torch.where(scores.isnan().any(1), torch.nan, pairs / (2.0 * count))
