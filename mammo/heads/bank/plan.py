"""Which heads and splits share a bank, and which banks are trained at once. Nothing here needs torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.specs.head_spec import HEAD_AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.specs import HeadSpec

MEMORY = 2**30
"""The most bytes that heads take which train at once."""
COPIES = 5
"""Numbers that a weight takes: itself, two moments, the weight kept, a copy on the way."""
FULL = 2**20
"""Numbers in a first layer from which on a step's work dwarfs what any step costs: more would gain nothing."""
SMALL = 2**13
"""Numbers in a first layer below which a thread of its own would cost more than it gains."""
WIDE = 2**20
"""From so many numbers on, the first layer of a bank that trains alone is shared out among all cores."""
SHORT_VECTOR = 8192
"""Vectors of at most so many numbers come to heads in float32, in which many steps are taken at once."""
TALL, SHORT = 64, 16
"""Rows of a first layer that make a product efficient, and the fewest that are worth a thread of their own."""


@dataclass(frozen=True)
class BankPlan:
    """One bank: the rows of its heads and of its splits, among those that were given."""

    heads: list[int]
    splits: list[int]
    numbers: int
    """In its first layer."""


def group_heads(heads: Sequence[HeadSpec]) -> list[list[int]]:
    """Rows of the heads that can share a bank: those that differ in axes alone that share one."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row, head in enumerate(heads):
        groups.setdefault(_apart(head), []).append(row)
    return list(groups.values())


def _apart(head: HeadSpec) -> tuple[Any, ...]:
    """What a head must have in common with the other heads of its bank."""
    return tuple(None if axis.shared_by(head) else getattr(head, name) for name, axis in HEAD_AXES.items())


def plan_banks(heads: Sequence[HeadSpec], outputs: Sequence[int], features: int, threads: int | None) -> list[BankPlan]:
    """Banks for all heads on splits of so many outputs each, for so many threads; None for one large device.

    A processor is served best by banks that share one step among splits where a step would otherwise be short, that
    are tall enough for an efficient product, and of which there is one for every core.
    """
    plans = []
    for rows in group_heads(heads):
        for count in sorted(set(outputs)):
            splits = [split for split, split_outputs in enumerate(outputs) if split_outputs == count]
            tall = heads[rows[0]].hidden or count
            apart = [[split] for split in splits] if threads and len(rows) * tall * features >= FULL // 2 else [splits]
            for together in apart:
                numbers = len(together) * tall * features
                size = _size(len(rows), tall, numbers, threads and math.ceil(threads / len(apart)))
                parts = [rows[start : start + size] for start in range(0, len(rows), size)]
                plans += [BankPlan(part, together, len(part) * numbers) for part in parts]
    return plans


def _size(heads: int, tall: int, numbers: int, threads: int | None) -> int:
    """How many of the heads of a group share a bank; each is `tall` and takes so many numbers on its splits."""
    if threads is None:
        return max(1, MEMORY // (4 * COPIES * numbers))
    most = max(1, TALL // tall, FULL // numbers)
    banks = max(math.ceil(heads / most), min(threads, heads * tall // SHORT, heads * numbers // SMALL))
    return math.ceil(heads / max(1, min(banks, heads)))


def waves(banks: Sequence[BankPlan]) -> list[list[BankPlan]]:
    """The banks in the order in which they are trained, those together that fit in `MEMORY` at once."""
    made: list[list[BankPlan]] = []
    room = 0
    for bank in banks:
        memory = 4 * COPIES * bank.numbers
        if not made or memory > room:
            made.append([])
            room = MEMORY
        made[-1].append(bank)
        room -= memory
    return made
