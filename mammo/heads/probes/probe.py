"""The converged linear probe: L2 logistic regression solved to its optimum at every strength of regularisation.

However long the vectors are, the optimum lies in the span of the training images, so it is found from their dot
products. It is what a linear head on the cache comes to, whatever optimiser trains it and however long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from mammo.data.splits.protocols import ANOTHER_SPLIT, TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.heads.outputs import loss_and_accuracy
from mammo.heads.probes.gram import combined
from mammo.heads.training.trained import Trained
from mammo.progress import Progress
from mammo.specs import STRENGTHS
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike
    from torch import Tensor

    from mammo.heads.probes.gram import Gram
    from mammo.progress import Work
    from mammo.specs import HeadSpec

Floats = NDArray[np.float64]

EXACT = 1e-9
"""How far an image's share may be from the optimum's, as a part of the strength."""

MOST_STEPS = 100
"""Steps after which Newton's method is given up; it takes two to five."""

LEAST_STEP = 1e-6
"""The least part of a step of Newton's that is tried where the whole of it leads uphill."""


@dataclass(frozen=True)
class Probe:
    """The path on one split, and which of its S steps is `best` by validation AUC, by validation loss where that ties.

    `logits` (S, N) are those of all images, `validation_auc` (S,). The best step's weights on the vectors (N, F) as
    they are stored are the vectors' sum with the `shares` (N,); its intercept is `bias` less the product of the
    weights with the Gram's origin.
    """

    logits: Floats
    validation_auc: Floats
    best: int
    shares: Floats
    bias: float


class Point(NamedTuple):
    """A place on the way to an optimum: the images' shares (M,), their sum's products (M,) with them, the intercept."""

    shares: Tensor
    pulls: Tensor
    intercept: Tensor

    def toward(self, end: Point, part: float) -> Point:
        """The point at a part of the way to another."""
        return Point(*(torch.lerp(here, there, part) for here, there in zip(self, end, strict=True)))

    def cost(self, target: Tensor, strength: float) -> float:
        """What is minimised: |w|²/2 + C·Σ cross-entropy."""
        logits = self.pulls + self.intercept
        return float(self.shares @ self.pulls / 2 + strength * (softplus(logits) - target * logits).sum())


def train_probe(gram: Gram, labels: ArrayLike, parts: ArrayLike, heads: Sequence[HeadSpec]) -> Work[Trained]:
    """Solve a probe as `mammo.heads.training.train.train_bank` trains heads, a step of the path standing for an epoch.

    `heads` holds the one probe that there is of a pool. Losses are means over the images, without the penalty.
    """
    probe = fit_probe(gram, labels, parts)
    trained = Trained.begin(heads, gram.rows.images)
    truth, part = torch.from_numpy(np.asarray(labels, dtype=np.int64)), np.asarray(parts)
    figures: list[Tensor] = []
    for which in (TRAIN, VALIDATION):
        chosen = np.flatnonzero(part == which)
        logits = torch.from_numpy(probe.logits[:, None, chosen])
        figures += loss_and_accuracy(logits, truth[chosen], 2, heads[0])
    trained.history[0] = np.column_stack([*figures, probe.validation_auc])
    trained.logits[0] = probe.logits[probe.best]
    trained.best_epoch[0] = probe.best + 1
    trained.weights[0].update(heads_of([probe], gram)[0])
    for step in range(1, len(STRENGTHS) + 1):
        trained.epochs[0] = step
        live = {"validation_auc": trained.latest(), "epochs": trained.epochs.tolist()}
        yield Progress("train", step, len(STRENGTHS), "epochs", live)
    return trained


def fit_probe(gram: Gram, labels: ArrayLike, parts: ArrayLike) -> Probe:
    """Solve the path of one split on images of part TRAIN, and choose among its steps on VALIDATION.

    `labels` in {0, 1} (N,), `parts` (N,) of `splits.protocols`. The step of strength C minimises |w|²/2 + C·Σ loss
    over the training images, the intercept free, for vectors that are centred on these images and divided by one
    number, the root of their mean squared length. So a strength means much the same for every cache, and features
    keep their proportions to one another, as heads see them that are trained step by step. The step of highest
    validation AUC is chosen; where several are, as with few images, the one of least validation loss among them.
    Raises MammoError where train or validation lacks a class.
    """
    truth, part = np.asarray(labels), np.asarray(parts)
    rows, held_out = np.flatnonzero(part == TRAIN), np.flatnonzero(part == VALIDATION)
    _refuse_one_class(truth[rows], truth[held_out])
    train = torch.from_numpy(rows).to(gram.products.device)
    kernel, scale, centre = _centred(gram.products, train)
    target = torch.from_numpy(truth[rows].astype(np.float64)).to(train.device)
    points = list(solve_path(kernel[train], target, STRENGTHS))
    shares = torch.stack([point.shares for point in points], dim=1)
    logits = (kernel @ shares + torch.stack([point.intercept for point in points])).T.cpu().numpy()
    area = auc(truth[held_out], logits[:, held_out])
    losses = np.logaddexp(0, logits[:, held_out] * (1 - 2 * truth[held_out].astype(float))).mean(axis=1)
    best = int(np.lexsort((losses, -area))[0])
    chosen = np.zeros(len(truth))
    chosen[rows] = (points[best].shares / scale).cpu().numpy()
    bias = points[best].intercept - centre @ points[best].shares / scale
    return Probe(logits, area, best, chosen, float(bias))


def heads_of(probes: Sequence[Probe], gram: Gram) -> list[dict[str, NDArray[np.float32]]]:
    """The best steps of probes as heads on the stored vectors: "weight" (F,) and "bias" ()."""
    weights = combined(gram.rows, np.stack([probe.shares for probe in probes]))
    biases = [probe.bias - weight @ gram.origin for probe, weight in zip(probes, weights, strict=True)]
    return [
        {"weight": weight.astype(np.float32), "bias": np.array(bias, dtype=np.float32)}
        for weight, bias in zip(weights, biases, strict=True)
    ]


def _refuse_one_class(train: NDArray[Any], validation: NDArray[Any]) -> None:
    for name, labels in (("training", train), ("validation", validation)):
        if len(np.unique(labels)) < 2:
            raise MammoError(
                f"The {len(labels)} {name} images are not of both classes, and a probe needs both; {ANOTHER_SPLIT}."
            )


def _centred(products: Tensor, train: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Products (N, M) of all vectors with the M training ones, when all are centred and scaled on these.

    Beside it the number by which products were divided, and each training vector's product (M,) with the centre.
    """
    some = products[:, train]
    means, centre = some.mean(dim=1, keepdim=True), some[train].mean(dim=0)
    kernel = some - means - centre + centre.mean()
    scale = kernel[train].diagonal().mean()
    return kernel / scale, scale, centre


def solve_path(kernel: Tensor, target: Tensor, strengths: Sequence[float]) -> Iterator[Point]:
    """The optimum at each strength for images of products `kernel` (M, M) and labels `target` (M,) of 0 and 1.

    Newton's method, each strength from the optimum before it, or from as much farther again where that is better. A
    step is one Cholesky factor of an M × M matrix whose eigenvalues are at least 1, as in Rasmussen and Williams,
    Gaussian Processes for Machine Learning (2006), algorithm 3.1, with a free intercept beside it.
    """
    zeros = torch.zeros_like(target)
    before = point = Point(zeros, zeros, torch.logit(target.mean()))
    for strength in strengths:
        farther = before.toward(point, 2.0)
        start = min(point, farther, key=lambda candidate: candidate.cost(target, strength))
        before, point = point, _optimum(kernel, target, strength, start)
        yield point


def _optimum(kernel: Tensor, target: Tensor, strength: float, point: Point) -> Point:
    for _ in range(MOST_STEPS):
        chance = torch.sigmoid(point.pulls + point.intercept)
        optimum = strength * (target - chance)
        if (point.shares - optimum).abs().max() <= EXACT * strength:
            return point
        following = _newton(kernel, point, optimum, strength * chance * (1 - chance))
        point = _downhill(point, following, target, strength)
    raise MammoError(f"The probe did not converge at C = {strength:g}; check the features with `mammo verify`.")


def _newton(kernel: Tensor, point: Point, optimum: Tensor, curvature: Tensor) -> Point:
    """The optimum of the cost's second-order approximation at a point.

    With W the curvature and f the logits, shares a and intercept b solve a + W(Ka + b) = Wf + wanted and Σa = 0.
    """
    root = curvature.sqrt()[:, None]
    matrix = kernel * root * root.T
    matrix.diagonal().add_(1.0)
    factor = torch.linalg.cholesky(matrix)
    sides = torch.stack([curvature * (point.pulls + point.intercept) + optimum, curvature], dim=1)
    sides -= root * torch.cholesky_solve(root * (kernel @ sides), factor)
    intercept = sides[:, 0].sum() / sides[:, 1].sum()
    shares = sides[:, 0] - intercept * sides[:, 1]
    return Point(shares, kernel @ shares, intercept)


def _downhill(point: Point, following: Point, target: Tensor, strength: float) -> Point:
    """The point to go on from: `following`, or as far on the way to it as the cost does not rise."""
    cost, part = point.cost(target, strength), 1.0
    while part > LEAST_STEP:
        tried = point.toward(following, part)
        if tried.cost(target, strength) <= cost + EXACT * abs(cost):
            return tried
        part /= 2
    return following
