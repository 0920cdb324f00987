"""The bank: many heads over the same features, trained in one step."""

from __future__ import annotations

import functools
import hashlib
import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from mammo.heads.optimizers import BETA1, BETA2, EPSILON, OPTIMIZERS
from mammo.heads.outputs import outputs_for, probabilities, truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mammo.specs import HeadSpec

Thing = TypeVar("Thing")

BANK_BYTES = 2**30
"""The most memory that a bank takes: weights, their two moments, the weights kept, a copy on the way, activations."""

SCORED = 512
"""How many images are scored at a time."""

TILE_NUMBERS = 2**22
"""How many gradients of a weight matrix exist at a time; the rest of the matrix waits its turn."""

STRIP = 8
"""Matrix libraries add up a matrix's last few rows in another order, so every product has whole strips of rows."""

Weights = dict[str, Tensor]
"""The weights of H heads of C outputs (see `outputs`): "weight" (H, C, F) and "bias" (H, C); where the heads have
hidden units, "hidden.weight" (H, hidden, F), "hidden.bias" (H, hidden), "weight" (H, C, hidden) and "bias" (H, C)."""

Rule = tuple[Tensor, float]
"""One update of all heads: the shares (2, H) of mean and gradient in the step, and what is added to the divisor."""


def generator(seed: int, *place: str | int) -> torch.Generator:
    """Random numbers for one `place`, such as ("epoch", 3), of everything that `seed` fixes."""
    digest = hashlib.sha256(repr((seed, *place)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))


def group_heads(heads: Sequence[HeadSpec], features: int, classes: int = 2) -> list[list[int]]:
    """Positions of the heads that may share a bank: equal seed, batch, draws and hidden size, within `BANK_BYTES`.

    A linear head's dropout falls on the features, which its bank shares, so it must be equal too.
    """
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, head in enumerate(heads):
        shared = head.seed, head.batch, head.first_draws, head.hidden, 0 if head.hidden else head.dropout
        groups.setdefault(shared, []).append(row)
    banks = []
    for rows in groups.values():
        head = heads[rows[0]]
        height = _height(head, classes)
        most = max(1, BANK_BYTES // (4 * height * (5 * features + 4 * max(head.batch, SCORED))))
        banks += [rows[start : start + most] for start in range(0, len(rows), most)]
    return banks


def _height(head: HeadSpec, classes: int) -> int:
    """The rows that a head has in the matrix of its first layer."""
    return head.hidden or outputs_for(classes)


def initial_weights(head: HeadSpec, features: int, classes: int = 2) -> Weights:
    """A head's weights before training, shaped as in `Weights`: Glorot uniform, biases zero, as Keras' Dense starts."""
    count = outputs_for(classes)
    source = generator(head.seed, "weights")

    def glorot(*shape: int) -> Tensor:
        limit = math.sqrt(6 / sum(shape))
        return torch.empty(shape).uniform_(-limit, limit, generator=source)

    if not head.hidden:
        return {"weight": glorot(count, features), "bias": torch.zeros(count)}
    hidden = {"hidden.weight": glorot(head.hidden, features), "hidden.bias": torch.zeros(head.hidden)}
    return {**hidden, "weight": glorot(count, head.hidden), "bias": torch.zeros(count)}


def outputs(weights: Weights, vectors: Tensor) -> Tensor:
    """The outputs of each of H heads for each of N vectors (N, F), without dropout: (H, C, N)."""
    return torch.cat([_out(weights, _inputs(weights, part)[0]) for part in torch.split(vectors, SCORED)], dim=2)


def _inputs(weights: Weights, vectors: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """What the heads' last layer sees of vectors (B, F) after dropout, and the derivative of the hidden layer.

    Linear heads see the vectors (B, F) themselves; hidden ones their own activations (H, hidden, B).
    """
    if "hidden.weight" not in weights:
        return (vectors if keep is None else vectors * keep), None
    bias = weights["hidden.bias"]
    hidden = torch.addmm(bias.view(-1, 1), weights["hidden.weight"].flatten(0, 1), vectors.T).view(*bias.shape, -1)
    gate = (hidden > 0) * (1.0 if keep is None else keep)
    return hidden.mul_(gate), gate


def _out(weights: Weights, inputs: Tensor) -> Tensor:
    """The outputs (H, C, B) of the last layer."""
    weight, bias = weights["weight"], weights["bias"]
    if inputs.ndim == 2:
        return torch.addmm(bias.view(-1, 1), weight.flatten(0, 1), inputs.T).view(*bias.shape, -1)
    sums = [(weight[:, output, :, None] * inputs).sum(1) for output in range(bias.shape[1])]
    return torch.stack(sums, dim=1).add_(bias[:, :, None])


@functools.lru_cache
def _coefficients(optimizer: str, steps: int) -> NDArray[np.float64]:
    return OPTIMIZERS[optimizer].coefficients(steps)


class Bank:
    """H heads that share features, classes, batch order and hidden size; each has its own optimiser, rate and dropout.

    A head's weights, and so its scores, do not depend on the heads beside it: bit for bit where the matrix
    library treats whole strips of rows alike (as MKL does), to rounding elsewhere. No gradient flows into the
    features, so the first layer's backward pass is one matrix product, and no autograd graph is needed.
    """

    def __init__(self, heads: Sequence[HeadSpec], features: int, device: torch.device, classes: int = 2) -> None:
        self.heads = list(heads)
        self.device = device
        self.classes = classes
        self.steps = 0
        self.first = "hidden.weight" if heads[0].hidden else "weight"
        start = initial_weights(heads[0], features, classes)
        lanes = len(self._filled(self.heads))
        self.weights = {name: value.to(device).repeat(lanes, *[1] * value.ndim) for name, value in start.items()}
        moments = ({name: torch.zeros_like(value) for name, value in self.weights.items()} for _ in range(2))
        self.states = (self.weights, *moments)
        numbers = min(self.weights[self.first].numel(), max(TILE_NUMBERS, STRIP * features))
        self.room = torch.empty(2, numbers, device=device)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with the heads at `rows` alone."""
        self.heads = [self.heads[row] for row in rows]
        lanes = torch.as_tensor(self._filled(rows), device=self.device)
        for state in self.states:
            for name, value in state.items():
                state[name] = value.index_select(0, lanes)

    def scores(self, vectors: Tensor) -> Tensor:
        """The heads' outputs (H, C, N) for vectors (N, F)."""
        return outputs(self.weights, vectors)[: len(self.heads)]

    @torch.inference_mode()
    def epoch(self, vectors: Tensor, labels: Tensor, rows: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Train one epoch on `rows` of vectors (N, F) and labels (N,), the last batch as short as it comes.

        Returns the outputs (H, C, rows) that each batch had before its update, and the labels in that order.
        """
        source = generator(self.heads[0].seed, "epoch", number)
        order = rows[torch.randperm(len(rows), generator=source).to(self.device)]
        labels, size = labels[order], self.heads[0].batch
        targets = torch.split(truth(labels, outputs_for(self.classes)), size, dim=1)
        batches = zip(torch.split(order, size), targets, strict=True)
        rules = self._rules(-(-len(rows) // size))
        seen = [
            self._step(vectors.index_select(0, batch), target, rule, source)
            for (batch, target), rule in zip(batches, rules, strict=True)
        ]
        return torch.cat(seen, dim=2)[: len(self.heads)], labels

    def _step(self, vectors: Tensor, target: Tensor, rule: Rule, source: torch.Generator) -> Tensor:
        """One update of every head from a batch (B, F) and its truth (C, B); returns the outputs before it."""
        inputs, gate = _inputs(self.weights, vectors, self._dropout(vectors, source))
        scores = _out(self.weights, inputs)
        error = (probabilities(scores) - target) / len(vectors)
        if gate is not None:
            errors, weights = error[:, :, None].unbind(1), self.weights["weight"][:, :, :, None].unbind(1)
            parts = (gate * one * weight for one, weight in zip(errors, weights, strict=True))
            back = functools.reduce(Tensor.add_, parts)
            self._update("weight", torch.stack([(inputs * one).sum(2) for one in errors], dim=1), rule)
            self._update("hidden.bias", back.sum(2), rule)
            self._update_first(back.flatten(0, 1), vectors, rule)
        else:
            self._update_first(error.flatten(0, 1), inputs, rule)
        self._update("bias", error.sum(2), rule)
        return scores

    def _dropout(self, vectors: Tensor, source: torch.Generator) -> Tensor | None:
        """What dropout leaves of the last layer's inputs, scaled to keep their mean; one uniform field for all."""
        rates, hidden = [head.dropout for head in self.heads], self.heads[0].hidden
        if not any(rates):
            return None
        if not hidden:
            return (torch.rand(vectors.shape, generator=source).to(self.device) >= rates[0]) / (1 - rates[0])
        rate = torch.tensor(self._filled(rates), device=self.device)[:, None, None]
        return (torch.rand(hidden, len(vectors), generator=source).to(self.device) >= rate) / (1 - rate)

    def _rules(self, steps: int) -> Iterator[Rule]:
        """The next updates: the formula of `optimizers.Optimizer` with sqrt(1-β2ᵗ) moved above the fraction's bar.

        p -= (a·m + b·g) / (sqrt(v) + ε·sqrt(1-β2ᵗ)), where a and b are lr·sqrt(1-β2ᵗ) times c1 and c2.
        """
        heads = self._filled(self.heads)
        corrections = np.sqrt(1 - BETA2 ** np.arange(self.steps + 1, self.steps + steps + 1))
        self.steps += steps
        span, enough = slice(self.steps - steps, self.steps), 1 << self.steps.bit_length()
        pairs = np.stack([_coefficients(head.optimizer, enough)[span] * head.lr for head in heads], axis=2)
        pairs *= corrections[:, None, None]
        shares = torch.as_tensor(pairs, dtype=torch.float32).to(self.device)
        return zip(shares, (EPSILON * corrections).tolist(), strict=True)

    def _filled(self, row: Sequence[Thing]) -> list[Thing]:
        """An entry a head, the last repeated until the first layer has whole strips of rows."""
        step = STRIP // math.gcd(STRIP, _height(self.heads[0], self.classes))
        return [*row, *[row[-1]] * (-len(row) % step)]

    def _update_first(self, error: Tensor, vectors: Tensor, rule: Rule) -> None:
        """Update the first layer's matrix from its outputs' errors (rows, B) and its inputs (B, F), tile by tile.

        The gradient and what divides it are written to the same room every time: fresh memory costs more than sums.
        """
        weights, means, squares = (state[self.first].view(len(error), -1) for state in self.states)
        shares, floor = rule
        shares = shares[:, :, None].expand(2, -1, len(error) // shares.shape[1]).reshape(2, -1, 1)
        for rows in _tiles(*weights.shape):
            value = weights[rows]
            gradient, divisor = (place[: value.numel()].view_as(value) for place in self.room)
            torch.mm(error[rows], vectors, out=gradient)
            _descend(value, means[rows], squares[rows], gradient, (shares[:, rows], floor), divisor)

    def _update(self, name: str, gradient: Tensor, rule: Rule) -> None:
        """Update one of the small parameters from its gradient (H, …)."""
        value, mean, square = (state[name] for state in self.states)
        shares, floor = rule
        _descend(value, mean, square, gradient, (shares.view(2, -1, *[1] * (gradient.ndim - 1)), floor))


def _descend(
    value: Tensor, mean: Tensor, square: Tensor, gradient: Tensor, rule: Rule, divisor: Tensor | None = None
) -> None:
    """The one update that all optimisers share, in place.

    `rule` is one that `Bank._rules` makes, its shares shaped to fit; the gradient is used up.
    """
    (of_mean, of_gradient), floor = rule
    mean.lerp_(gradient, 1 - BETA1)
    square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
    divisor = torch.sqrt(square, out=divisor).add_(floor)
    value.addcdiv_(gradient.mul_(of_gradient).addcmul_(mean, of_mean), divisor, value=-1)


def _tiles(rows: int, width: int) -> Iterator[slice]:
    """Slices that cover `rows` of a matrix in whole strips, none much above `TILE_NUMBERS`."""
    strips = rows // STRIP
    tall = max(1, TILE_NUMBERS // (STRIP * width))
    return (slice(STRIP * start, STRIP * min(start + tall, strips)) for start in range(0, strips, tall))
