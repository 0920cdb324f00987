"""The bank: many heads over the same features, on one split or several, trained in one step."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from mammo.heads.bank.cuda_graph import WORTH, CudaGraph
from mammo.heads.bank.many_steps import many_steps, suits
from mammo.heads.bank.randomness import generator
from mammo.heads.bank.schedule import BatchSchedule
from mammo.heads.bank.step import STRIP, Batches, Step
from mammo.heads.bank.update import update_coefficients
from mammo.heads.losses import LOSSES, Loss
from mammo.heads.outputs import outputs_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mammo.heads.bank.threads import ThreadPool
    from mammo.specs import HeadSpec

Thing = TypeVar("Thing")

SCORED = 512
"""How many images are scored at a time."""

Weights = dict[str, Tensor]
"""The weights of S splits' H heads of C outputs (see `outputs`): "weight" (S, H, C, F) and "bias" (S, H, C).

Where heads have hidden units: "hidden.weight" (S, H, hidden, F), "hidden.bias" (S, H, hidden), "weight"
(S, H, C, hidden) and "bias" (S, H, C).
"""


def initial_weights(head: HeadSpec, features: int, classes: int = 2) -> Weights:
    """One head's weights before training: Glorot uniform, biases zero, as Keras' Dense starts. Shapes lack S and H."""
    count = outputs_for(classes)
    source = generator(head.seed, "weights")

    def glorot(*shape: int) -> Tensor:
        limit = math.sqrt(6 / sum(shape))
        return torch.empty(shape).uniform_(-limit, limit, generator=source)

    if not head.hidden:
        return {"weight": glorot(count, features), "bias": torch.zeros(count)}
    hidden = {"hidden.weight": glorot(head.hidden, features), "hidden.bias": torch.zeros(head.hidden)}
    return {**hidden, "weight": glorot(count, head.hidden), "bias": torch.zeros(count)}


def outputs(weights: Weights, vectors: Tensor, rows: Tensor) -> Tensor:
    """The outputs (S, H, C, N) of all heads for N rows of vectors (any, F) of any precision, without dropout.

    They are computed in the precision of the weights.
    """
    splits, precision = len(weights["bias"]), weights["bias"].dtype
    parts = (vectors.index_select(0, part).to(precision).expand(splits, -1, -1) for part in torch.split(rows, SCORED))
    return torch.cat([_out(weights, _inputs(weights, part)[0]) for part in parts], dim=3)


def _products(matrix: Tensor, bias: Tensor, vectors: Tensor) -> Tensor:
    """Of matrices (S, …, F), biases (S, …) and vectors (S, B, F): (S, …, B)."""
    flat = torch.baddbmm(bias.flatten(1)[:, :, None], matrix.flatten(1, -2), vectors.mT)
    return flat.view(*bias.shape, -1)


def _inputs(weights: Weights, vectors: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """What the heads' last layer sees of vectors (S, B, F) after dropout, and the derivative of the hidden layer.

    Linear heads see the vectors (S, B, F) themselves; hidden ones their own activations (S, H, hidden, B).
    """
    if "hidden.weight" not in weights:
        return (vectors if keep is None else vectors * keep), None
    hidden = _products(weights["hidden.weight"], weights["hidden.bias"], vectors)
    return _gated(hidden, keep)


def _gated(hidden: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    gate = (hidden > 0) * (1.0 if keep is None else keep)
    return hidden.mul_(gate), gate


def _out(weights: Weights, inputs: Tensor) -> Tensor:
    """The outputs (S, H, C, B) of the last layer."""
    weight, bias = weights["weight"], weights["bias"]
    if inputs.ndim == 3:
        return _products(weight, bias, inputs)
    return torch.matmul(weight, inputs).add_(bias[..., None])


class Bank:
    """Heads that share features, classes, batch size and hidden size, each with its own optimiser, rate and dropout.

    Every split has the same kind of heads but its own batches. A head's weights, and so its scores, do not depend on
    the heads and splits beside it: bit for bit where the matrix library treats whole strips of rows alike (as MKL
    does), to rounding elsewhere.
    """

    def __init__(
        self, heads: Sequence[Sequence[HeadSpec]], features: int, device: torch.device, classes: int = 2
    ) -> None:
        self.heads = [list(row) for row in heads]
        self.device = device
        self.loss = LOSSES[heads[0][0].loss]
        self.gradient = partial(_gradient, self.loss, heads[0][0])
        self.thread_pool: ThreadPool | None = None
        self.replayed = device.type == "cuda"
        self.recorded: CudaGraph | None = None
        self.taken = [0 for _ in heads]
        start = initial_weights(heads[0][0], features, classes)
        self.height = heads[0][0].hidden or outputs_for(classes)
        slots = len(heads), self._slots()
        self.weights = {name: value.to(device).repeat(*slots, *[1] * value.ndim) for name, value in start.items()}
        moments = ({name: torch.zeros_like(value) for name, value in self.weights.items()} for _ in range(2))
        self.states = (self.weights, *moments)
        self.numbers = max(value.numel() for value in self.weights.values())

    def keep(self, rows: Sequence[Sequence[int]]) -> None:
        """Go on with the heads at `rows` of each split alone; a split that has none left is no longer there."""
        self.recorded = None
        going = [split for split, split_rows in enumerate(rows) if split_rows]
        self.heads = [[self.heads[split][row] for row in rows[split]] for split in going]
        self.taken = [self.taken[split] for split in going]
        chosen = torch.tensor([self._filled(rows[split]) for split in going], device=self.device)
        splits = torch.tensor(going, device=self.device)[:, None]
        for state in self.states:
            for name, value in state.items():
                state[name] = value[splits, chosen]

    @torch.inference_mode()
    def learn(self, schedule: BatchSchedule, sources: Sequence[torch.Generator]) -> Tensor:
        """Take the steps of a lesson; `sources` draw the dropout of each split.

        Returns the outputs (S, H, C, K·B) that each batch had before its update.
        """
        count, splits, batch = schedule.rows.shape
        coefficients = self._coefficients_of(schedule.steps, count)
        fields = self._fields(schedule.vectors.shape[1], batch, sources)
        if fields is None and not self.replayed and self.loss.compiled and suits(self.states, schedule.vectors):
            return many_steps(self.states, schedule, coefficients).movedim(0, 3).flatten(3)
        outputs = schedule.truth.shape[2]
        scores_before = schedule.truth.new_empty(count, splits, self._slots(), outputs, batch)
        for part, first, last in _stretches(schedule.steps):
            batches = Batches(
                schedule.rows[first:last, part].flatten(1),
                schedule.truth[first:last, part, None],
                schedule.counts[first:last, part, None, None],
                coefficients[first:last, :, part].flatten(2).contiguous(),
            )
            step = partial(Step, [_part(state, part) for state in self.states], batch, self.gradient, self.thread_pool)
            if self.replayed and fields is None and last - first >= WORTH and part == slice(0, splits):
                self._replay(step, schedule.vectors, batches, scores_before[first:last])
                continue
            update = step()
            for one, scores in zip(batches.unbind(), scores_before[first:last, part].unbind(0), strict=True):
                update.take(schedule.vectors, one, None if fields is None else fields(part), scores)
        return scores_before.movedim(0, 3).flatten(3)

    def _replay(self, step: Callable[[], Step], vectors: Tensor, batches: Batches, scores_before: Tensor) -> None:
        """Take steps as the device replays them; what was recorded is kept as long as it fits."""
        if self.recorded is None or not self.recorded.fits(vectors, batches):
            self.recorded = CudaGraph(step(), vectors, batches, scores_before)
        self.recorded.run(batches, scores_before)

    def _fields(
        self, features: int, batch: int, sources: Sequence[torch.Generator]
    ) -> Callable[[slice], Tensor] | None:
        """What draws, for the next step of some splits, what dropout leaves of the last layer's inputs.

        It is scaled to keep their mean; all heads of a split share one uniform field. None where none is dropped.
        """
        rates, hidden = [[head.dropout for head in row] for row in self.heads], self.heads[0][0].hidden
        if not any(map(any, rates)):
            return None
        shape = (hidden, batch) if hidden else (batch, features)
        rate = torch.tensor([self._filled(row) for row in rates], device=self.device)[:, :, None, None]

        def draw(part: slice) -> Tensor:
            field = torch.stack([torch.rand(shape, generator=source) for source in sources[part]]).to(self.device)
            if not hidden:
                return (field >= rates[0][0]) / (1 - rates[0][0])
            return (field[:, None] >= rate[part]) / (1 - rate[part])

        return draw

    def _coefficients_of(self, steps: Sequence[int], count: int) -> Tensor:
        """The rules (K, 4, S, H) of the next steps; those of a split that has fewer are of no use after its last."""
        coefficients = [
            update_coefficients(row, taken, count) for row, taken in zip(self.heads, self.taken, strict=True)
        ]
        self.taken = [taken + new_steps for taken, new_steps in zip(self.taken, steps, strict=True)]
        slots = self._slots()
        filled = [np.pad(values, ((0, 0), (0, 0), (0, slots - values.shape[2])), "edge") for values in coefficients]
        return torch.from_numpy(np.stack(filled, axis=2)).to(self.device)

    def _slots(self) -> int:
        """The heads of the split that has most, and more of the last until the first layer has whole strips of rows."""
        step = STRIP // math.gcd(STRIP, self.height)
        return -(-max(map(len, self.heads)) // step) * step

    def _filled(self, row: Sequence[Thing]) -> list[Thing]:
        """An entry a lane, the last repeated."""
        return [*row, *[row[-1]] * (self._slots() - len(row))]


def _gradient(loss: Loss, head: HeadSpec, outputs: Tensor, truth: Tensor) -> Tensor:
    return loss.gradient(outputs, truth, head)


def _part(state: Weights, part: slice) -> Weights:
    return {name: value[part] for name, value in state.items()}


def _stretches(steps: Sequence[int]) -> Iterator[tuple[slice, int, int]]:
    """Which splits take which steps together: all as long as all have batches, then each the rest of its own."""
    least = min(steps)
    if least:
        yield slice(0, len(steps)), 0, least
    for split, count in enumerate(steps):
        if count > least:
            yield slice(split, split + 1), least, count
