"""What the numbers of a head's last layer mean: one logit for two classes, or one number a class.

Classes are numbered from 0 and malignant comes last. All functions take the outputs (H, C, N) of H heads on N images:
C is 1 for two classes, and the number of classes K for more. Whatever C is, a head's answer is one number, the
log-odds of malignant against the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import one_hot

from mammo.heads.losses import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from mammo.specs import HeadSpec


def outputs_for(classes: int) -> int:
    """The outputs C that a head needs for so many classes."""
    return 1 if classes == 2 else classes


def log_odds(outputs: Tensor) -> Tensor:
    """The log-odds of malignant against the rest (H, N): a single logit as it is, else z_m - log Σ exp z_other."""
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    wide = outputs.double()
    return (wide[:, -1] - wide[:, :-1].logsumexp(1)).float()


def truth(labels: Tensor, count: int) -> Tensor:
    """The chances that are right, for labels (N,) and heads of C = `count` outputs: (C, N) of 0 and 1."""
    return labels.float()[None] if count == 1 else one_hot(labels.long(), count).T.float()


def mean_loss(outputs: Tensor, labels: Tensor, classes: int, head: HeadSpec) -> Tensor:
    """The mean over images (H,) of the loss of `head`, for labels (N,)."""
    loss = LOSSES[head.loss]
    values = loss.value(outputs, labels, head)
    return (values if loss.weight is None else values * loss.weight(labels == classes - 1, head)).mean(1)


def loss_and_accuracy(outputs: Tensor, labels: Tensor, classes: int, head: HeadSpec) -> tuple[Tensor, Tensor]:
    """The mean loss of `head`, and the accuracy of malignant against the rest, (H,) of labels (N,)."""
    correct = (log_odds(outputs) > 0) == (labels == classes - 1)
    return mean_loss(outputs, labels, classes, head), correct.float().mean(1)


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
