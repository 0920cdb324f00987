"""Patients whose names are nearly the same: said, never merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mammo.data.manifest.words import ROUNDED

EXAMPLES = 3
LIKENESSES: dict[str, Callable[[str], str]] = {
    "capital letters alone": str.casefold,
    "leading zeros alone": lambda name: name.lstrip("0") or "0" if name.isdigit() else name,
}
"""In what names of patients may differ that are hardly those of two women."""


def similar_patients(patients: Iterable[str]) -> list[str]:
    """Notes on patients that count as two though their names hardly differ, and on names a spreadsheet rounded."""
    names = [str(patient) for patient in patients]
    notes = []
    for difference, key in LIKENESSES.items():
        first: dict[str, str] = {}
        pairs = [(first[key(name)], name) for name in names if first.setdefault(key(name), name) != name]
        if pairs:
            listed = ", ".join(f"{one!r} and {other!r}" for one, other in pairs[:EXAMPLES])
            notes.append(
                f"Patients that differ in {difference} count as different women: {listed} ({len(pairs)} in all)."
            )
    if rounded := [name for name in names if ROUNDED.fullmatch(name)]:
        notes.append(
            f"Patients look rounded by a spreadsheet, so that several women may have become one: {rounded[0]!r}."
        )
    return notes
