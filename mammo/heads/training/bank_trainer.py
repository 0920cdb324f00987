"""A bank on its way through the epochs: what it learns, how it fares in validation, and the weights that are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mammo.heads.bank.bank import Bank, Weights, outputs
from mammo.heads.bank.randomness import generator
from mammo.heads.bank.schedule import BatchSchedule
from mammo.heads.losses import LOSSES
from mammo.heads.outputs import areas, log_odds, loss_and_accuracy, outputs_for, truth
from mammo.heads.scoring import scored_versions
from mammo.heads.training.batches import Block, Rows, shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mammo.heads.training.trained import Trained
    from mammo.heads.training.vectors import Source
    from mammo.specs import HeadSpec


@dataclass(frozen=True)
class Images:
    """The images of one split: classes from 0 (N,) on the device, whether each trains (N,), and those that validate."""

    labels: Tensor
    training: NDArray[np.bool_]
    validation: Rows
    classes: int


@dataclass
class _SplitState:
    """The heads of a bank on one split: their rows in `trained` and in the weights kept, and the epoch so far."""

    split: int
    images: Images
    trained: Trained
    rows: Rows
    places: Rows
    best: NDArray[np.float64]
    chance: torch.Generator = field(default_factory=torch.Generator)
    fits: Tensor | None = None
    learnt: int = 0
    scores: Tensor | None = None


class BankTrainer:
    """Heads that share a bank, on one split or several; what is found goes to their rows of each split's `Trained`."""

    def __init__(
        self,
        heads: Sequence[HeadSpec],
        rows: Sequence[int],
        splits: Sequence[tuple[Images, Trained]],
        source: Source,
    ) -> None:
        self.heads = [heads[row] for row in rows]
        self.versions = np.array([scored_versions(head, source.versions) for head in self.heads])
        self.first_draws = self.heads[0].first_draws
        device = splits[0][0].labels.device
        self.bank = Bank([self.heads for _ in splits], source.length, device, splits[0][0].classes)
        self.rows = np.asarray(rows)
        self.splits = splits
        self.states = [
            _SplitState(split, images, trained, self.rows, np.arange(len(rows)), np.full(len(rows), -np.inf))
            for split, (images, trained) in enumerate(splits)
        ]
        self.kept: Weights = {name: torch.zeros_like(value) for name, value in self.bank.weights.items()}

    @property
    def goes_on(self) -> bool:
        """Whether any head still trains."""
        return bool(self.states)

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        for state in self.states:
            state.chance = generator(self.heads[0].seed, "epoch", epoch)
            state.fits, state.scores, state.learnt = None, None, 0

    def learn(self, block: Block, vectors: Tensor, rows: Rows) -> None:
        """Train on a block whose rows stand at `rows` of vectors (any, F)."""
        orders = [shuffled(block, state.images.training, state.chance) for state in self.states]
        if not any(map(len, orders)):
            return
        scores_before = self.bank.learn(
            self._schedule(block, vectors, rows, orders), [state.chance for state in self.states]
        )
        for number, (state, order) in enumerate(zip(self.states, orders, strict=True)):
            count = len(order)
            if count:
                labels = state.images.labels[torch.from_numpy(block.images[order]).to(self.bank.device)]
                scores = scores_before[number, : len(state.rows), :, :count]
                fits = torch.stack(loss_and_accuracy(scores, labels, state.images.classes, self.heads[0])) * count
                state.fits = fits if state.fits is None else state.fits + fits
                state.learnt += count

    def _schedule(self, block: Block, vectors: Tensor, rows: Rows, orders: Sequence[Rows]) -> BatchSchedule:
        batch, device = self.heads[0].batch, self.bank.device
        steps = [-(-len(order) // batch) for order in orders]
        shape = len(orders), max(steps) * batch
        positions, images = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        counts = np.zeros(shape, np.float32)
        for row, order in enumerate(orders):
            positions[row, : len(order)], images[row, : len(order)] = rows[order], block.images[order]
            counts[row, : len(order)] = 1 / batch
            if short := len(order) % batch:
                counts[row, len(order) - short : len(order)] = 1 / short
        classes = torch.stack(
            [
                truth(state.images.labels[torch.from_numpy(row).to(device)], outputs_for(state.images.classes))
                for state, row in zip(self.states, images, strict=True)
            ]
        )

        def stepwise(values: Tensor) -> Tensor:
            return values.view(*values.shape[:-1], max(steps), batch).movedim(-2, 0).contiguous()

        located, weights = (torch.from_numpy(values).to(device) for values in (positions, counts))
        if (weight := LOSSES[self.heads[0].loss].weight) is not None:
            weights = weights * weight(classes[:, -1], self.heads[0])
        return BatchSchedule(vectors, stepwise(located), stepwise(classes), stepwise(weights), steps)

    @torch.inference_mode()
    def look(self, images: Rows, vectors: Tensor) -> None:
        """Score those of some images (increasing) that validate; `vectors` (images, F)."""
        if not len(images):
            return
        for number, state in enumerate(self.states):
            wanted = state.images.validation
            inside = slice(*np.searchsorted(wanted, [images[0], images[-1] + 1]))
            rows = torch.from_numpy(np.searchsorted(images, wanted[inside])).to(vectors.device)
            if not len(rows):
                continue
            weights = {name: value[number : number + 1] for name, value in self.bank.weights.items()}
            found = outputs(weights, vectors, rows)[0, : len(state.rows)]
            if state.scores is None:
                state.scores = found.new_empty(*found.shape[:2], len(wanted))
            state.scores[:, :, inside] = found

    @torch.inference_mode()
    def end(self, epoch: int) -> None:
        """Note the epoch's figures, keep the weights of heads that are better than before, let go those that end."""
        going = [self._end(number, state, epoch) for number, state in enumerate(self.states)]
        if all(len(rows) == len(state.rows) for rows, state in zip(going, self.states, strict=True)):
            return
        left = [(rows, state) for rows, state in zip(going, self.states, strict=True) if len(rows)]
        if left:
            self.bank.keep([rows.tolist() for rows in going])
        for rows, state in left:
            state.rows, state.places, state.best = (
                state.rows[rows],
                state.places[rows],
                state.best[rows],
            )
        self.states = [state for _, state in left]

    def _end(self, number: int, state: _SplitState, epoch: int) -> Rows:
        """The same for the heads of one split; the places of those that go on."""
        trained, rows, images = state.trained, state.rows, state.images
        labels = images.labels[torch.from_numpy(images.validation).to(images.labels.device)]
        scores = state.scores
        if scores is None:
            scores = labels.new_empty((len(rows), outputs_for(images.classes), 0), dtype=torch.float32)
        assert state.fits is not None
        figures = [
            *(state.fits / state.learnt),
            *loss_and_accuracy(scores, labels, images.classes, self.heads[0]),
        ]
        aucs = areas(log_odds(scores), labels == images.classes - 1)
        trained.history[rows, epoch - 1] = torch.stack([*figures, aucs.float()], dim=1).cpu().numpy()
        trained.epochs[rows] = epoch

        area = np.nan_to_num(aucs.cpu().numpy(), nan=-1.0)
        heads = [self.heads[slot] for slot in state.places]
        patience, epochs = (np.array([getattr(head, name) for head in heads]) for name in ("patience", "epochs"))
        better = (area > state.best) | (patience == 0)
        state.best[better] = area[better]
        trained.best_epoch[rows[better]] = epoch
        waited = epoch - trained.best_epoch[rows]
        goes_on = (epoch < epochs) & ((waited < patience) | (patience == 0))
        improved = np.flatnonzero(better & ((patience > 0) | ~goes_on))
        for name, value in self.kept.items():
            value[state.split, state.places[improved]] = self.bank.weights[name][number, improved]
        return np.flatnonzero(goes_on)

    @torch.inference_mode()
    def score(self, images: Rows, vectors: Tensor, version: int) -> None:
        """Score a version of some images by the weights that were kept, in double precision; `vectors` (images, F).

        A sum over features in single precision may be off by more than all of training. Scores of augmented versions
        are added to those of the plain one, where heads take them and images do not train.
        """
        slots = {name: value.flatten(0, 1)[None].double() for name, value in self.kept.items()}
        scores = outputs(slots, vectors, torch.arange(len(vectors), device=vectors.device))[0]
        odds = log_odds(scores).view(len(self.splits), -1, len(images)).cpu().numpy()
        averaging = np.flatnonzero(self.versions > version)
        for (split, trained), split_odds in zip(self.splits, odds, strict=True):
            if version:
                not_training = np.flatnonzero(~split.training[images])
                trained.logits[np.ix_(self.rows[averaging], images[not_training])] += split_odds[
                    np.ix_(averaging, not_training)
                ]
            else:
                trained.logits[np.ix_(self.rows, images)] = split_odds[: len(self.rows)]

    def hand_over(self) -> None:
        """Put the weights that were kept where they belong, and make means of sums of scores."""
        for split, (images, trained) in enumerate(self.splits):
            trained.logits[np.ix_(self.rows, np.flatnonzero(~images.training))] /= self.versions[:, None]
            for slot, row in enumerate(self.rows):
                weights = {name: value[split, slot] for name, value in self.kept.items()}
                if images.classes == 2:
                    weights |= {name: weights[name][0] for name in ("weight", "bias")}
                trained.weights[row].update({name: value.cpu().numpy().copy() for name, value in weights.items()})
