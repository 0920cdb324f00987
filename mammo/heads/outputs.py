"""What the numbers of a head's last layer mean: one logit for two classes, or one number a class.

Classes are numbered from 0 and malignant comes last. All functions take the outputs (H, C, N) of H heads on N images:
C is 1 for two classes, and the number of classes K for more. Whatever C is, a head's answer is one number, the
log-odds of malignant against the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

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


def probabilities(outputs: Tensor) -> Tensor:
    """The chance (H, C, N) of malignant, or of every class.

    Computed in double precision, since a vector's last few numbers take another path through the exponential.
    """
    wide = outputs.double()
    return (wide.sigmoid() if outputs.shape[1] == 1 else wide.softmax(1)).float()


def truth(labels: Tensor, count: int) -> Tensor:
    """What `probabilities` should have been, for labels (N,) and heads of C = `count` outputs: (C, N) of 0 and 1."""
    return labels.float()[None] if count == 1 else one_hot(labels.long(), count).T.float()


def loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (H, N) of labels (N,)."""
    if outputs.shape[1] == 1:
        scores = outputs[:, 0]
        return binary_cross_entropy_with_logits(scores, labels.float().expand_as(scores), reduction="none")
    return cross_entropy(outputs, labels.long().expand(len(outputs), -1), reduction="none")
