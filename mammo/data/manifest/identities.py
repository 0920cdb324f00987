"""Patients whose names are nearly the same: they are reported and never merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mammo.data.manifest.words.words import ROUNDED

EXAMPLES = 3
LIKENESSES: dict[str, Callable[[str], str]] = {
    "capital letters alone": str.casefold,
    "leading zeros alone": lambda name: name.lstrip("0") or "0" if name.isdigit() else name,
}
"""Differences between two names that are likely to mean one woman, and the function that makes both equal."""


def similar_patients(patients: Iterable[str]) -> tuple[list[str], list[str]]:
    """Report patients whose names hardly differ, and names that a spreadsheet rounded.

    Returns notes, which contain no names, and remarks with the names.
    """
    names = [str(patient) for patient in patients]
    notes, remarks = [], []
    for difference, key in LIKENESSES.items():
        first: dict[str, str] = {}
        pairs = [(first[key(name)], name) for name in names if first.setdefault(key(name), name) != name]
        if pairs:
            listed = ", ".join(f"{first_name!r} and {second_name!r}" for first_name, second_name in pairs[:EXAMPLES])
            count = "1 pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
            notes.append(f"Patients that differ in {difference} count as different women ({count}).")
            remarks.append(f"Patients that differ in {difference}: {listed} ({len(pairs)} in all).")
    if rounded := [name for name in names if ROUNDED.fullmatch(name)]:
        notes.append("Patients look rounded by a spreadsheet, so that several women may have become one.")
        remarks.append(f"Patients that look rounded: {rounded[0]!r} ({len(rounded)} in all).")
    return notes, remarks
