"""A value and its 95 % interval as text: the bounds, or the reason why there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence

Bounds = Sequence[float | None]


def interval_words(bounds: Bounds, form: str = ".3f", joined: str = " to ", reason: str | None = "") -> str:
    """Both bounds, such as `0.650 to 0.774`; without them the `reason`, or a dash."""
    if any(_unknown(bound) for bound in bounds):
        return reason or "-"
    return joined.join(format(bound, form.replace(".", "z.")) for bound in bounds)  # z: zero has no minus sign


def value_words(value: float | None, bounds: Bounds, form: str = ".3f", joined: str = "–", reason: str = "") -> str:
    """A value with its interval in brackets, such as `0.712 (0.650–0.774)`, or the reason for none; else a dash."""
    if _unknown(value):
        return "-"
    words = interval_words(bounds, form, joined, reason)
    return format(value, form) if words == "-" else f"{format(value, form)} ({words})"


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)
