"""Random numbers and identifiers that depend on their key alone, not on earlier draws."""

from __future__ import annotations

import hashlib

import numpy as np

UID_ROOT = "2.25"


def generator(*key: int | str) -> np.random.Generator:
    """Return a random generator for `key`, the same on every machine and in every worker process."""
    return np.random.default_rng(np.random.SeedSequence([_word(part) for part in key]))


def uid(*key: int | str) -> str:
    """Return a DICOM unique identifier for `key` under the root for hashed UUIDs (ISO/IEC 9834-8)."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return f"{UID_ROOT}.{int.from_bytes(digest[:15])}"


def balanced(seed: int, index: int) -> tuple[float, float]:
    """Return point `index` of a two-dimensional low-discrepancy sequence in [0, 1)², shifted by `seed`.

    With it, small phantoms too have the right shares of mass and test patients. Source: the R2 sequence of M. Roberts
    (2018), based on the plastic number.
    """
    shift = generator(seed, "balance").random(2)
    plastic = 1.32471795724474602596
    return float((shift[0] + index / plastic) % 1), float((shift[1] + index / plastic**2) % 1)


def _word(part: int | str) -> int:
    if isinstance(part, int):
        return part
    return int.from_bytes(hashlib.sha256(part.encode()).digest()[:8])
