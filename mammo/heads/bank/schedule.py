"""What a bank trains on for some steps."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BatchSchedule:
    """What a bank trains on for some steps.

    For each of K steps and S splits: the rows of a batch in `vectors` (any, F), `truth` (K, S, C, B) and how much
    each image counts (K, S, B). A batch that is short, or not there, is filled up with images that count nothing:
    `steps` holds how many batches each split has.
    """

    vectors: Tensor
    rows: Tensor
    truth: Tensor
    counts: Tensor
    steps: list[int]
