"""Random numbers that depend on their seed and their purpose alone."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Random numbers for one `purpose`, such as ("epoch", 3), of everything that `seed` fixes."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))
