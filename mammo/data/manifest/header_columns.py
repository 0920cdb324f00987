"""Facts from image headers: they fill empty cells of a manifest, add columns, and reveal contradictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from mammo.data.column_words import counted_images
from mammo.data.files.header.codes import PRESENTATION, PROCESSING, VIEWS
from mammo.data.files.header.header import Header, parse_view
from mammo.data.manifest.header_patients import apply_header_patients
from mammo.errors import MammoError

ANY = "any"
INTENTS = (ANY, PRESENTATION, PROCESSING)
"""The values of `--intent`: all images, or all except those whose header states the other intent."""

FILLED = {"breast": "side", "view": "view"}
"""The manifest's columns whose empty cells are filled from headers, with the words for them in remarks."""

ADDED = {
    "view_modifier": str,
    "object_kind": str,
    "spacing_mm": float,
    "spacing_kind": str,
    "magnification": float,
    "maker": str,
    "model": str,
    "implant": str,
    "intent": str,
}
"""The columns that are added where any header has a value, named after the fields of `Header`."""


@dataclass(frozen=True)
class HeaderUse:
    """How headers are used: `patients` reads patients where the manifest has none, `intent` is one of `INTENTS`.

    Raises MammoError for any other intent.
    """

    patients: bool = False
    intent: str = ANY

    def __post_init__(self) -> None:
        if self.intent not in INTENTS:
            raise MammoError(f"There is no intent {self.intent!r}; choose one of: {', '.join(INTENTS)}.")


FILL = HeaderUse()
"""Headers fill only what the manifest leaves empty."""


@dataclass
class HeaderFacts:
    """The rows of a manifest with the values of image headers.

    `extra` names the added columns. `notes` are warnings that belong beside every result and name no patient or image;
    `remarks` say which value was read from where, with examples. `aside` maps the images that the user excludes to the
    reason, and `took_patients` is true where patients were read from headers.
    """

    rows: pd.DataFrame
    extra: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    took_patients: bool = False


def apply_headers(
    rows: pd.DataFrame,
    headers: Mapping[str, Header],
    names_patients: bool,
    use: HeaderUse = FILL,
) -> HeaderFacts:
    """Fill and extend the rows of a manifest (one row a finding) from the headers of their images.

    Where both have a value, the manifest's counts. `names_patients` is true where the manifest names patients.
    """
    facts = HeaderFacts(rows.copy())
    for name, word in FILLED.items():
        _fill(facts, headers, name, word)
    for name, kind in ADDED.items():
        _add(facts, headers, name, kind)
    if facts.extra:
        count = sum(any(getattr(header, name) is not None for name in facts.extra) for header in headers.values())
        facts.remarks.append(f"From the headers of {counted_images(count)}: {', '.join(facts.extra)}.")
    _report_modifiers(facts, headers)
    _report_intent(facts, headers, use.intent)
    before = facts.rows["patient"]
    facts.rows, notes, remarks = apply_header_patients(facts.rows, headers, names_patients, use.patients)
    facts.took_patients = not facts.rows["patient"].equals(before)
    facts.notes += notes
    facts.remarks += remarks
    return facts


def _by_image(rows: pd.DataFrame, headers: Mapping[str, Header], name: str) -> pd.Series:
    """The value of a header field for the image of each row; missing where its header has none."""
    values = {image: getattr(header, name) for image, header in headers.items()}
    return pd.Series([values.get(image) for image in rows["image"]], index=rows.index, dtype=object)


def _fill(facts: HeaderFacts, headers: Mapping[str, Header], name: str, word: str) -> None:
    rows, values = facts.rows, _by_image(facts.rows, headers, name)
    empty = rows[name].isna() | (rows[name] == "")
    filled = empty & values.notna()
    if filled.any():
        rows[name] = rows[name].where(~filled, values)
        images = rows.loc[filled, "image"].unique()
        guessed = sum(name in (headers[image].by_orientation or "").split("+") for image in images)
        how = f", {guessed} by the patient's orientation alone" if guessed else ""
        facts.remarks.append(f"The {word} of {counted_images(len(images))} is from {_their(len(images))}{how}.")
    same = _same_view if name == "view" else (lambda value, from_header: value == from_header)
    _report_contradictions(facts, values, name, word, same)


def _report_contradictions(
    facts: HeaderFacts, values: pd.Series, name: str, word: str, same: Callable[[str, str], bool]
) -> None:
    listed = zip(facts.rows["image"], facts.rows[name], values, strict=True)
    differ = {
        image: (value, from_header)
        for image, value, from_header in listed
        if value and from_header is not None and not same(value, from_header)
    }
    if differ:
        image, (value, from_header) = next(iter(differ.items()))
        facts.remarks.append(
            f"The {word} of {counted_images(len(differ))} is another in {_their(len(differ))} ({image}: {value}, its "
            f"header says {from_header}); the manifest's is kept."
        )


def _same_view(manifest_view: str, header_view: str) -> bool:
    """Whether two views agree; a view without a standard name contradicts no other."""
    views = parse_view(manifest_view)[0], parse_view(header_view)[0]
    return views[0] == views[1] or not (views[0] in VIEWS and views[1] in VIEWS)


def _add(facts: HeaderFacts, headers: Mapping[str, Header], name: str, kind: type) -> None:
    values = _by_image(facts.rows, headers, name)
    if values.isna().all():
        return
    if name in facts.rows:
        facts.remarks.append(f"Headers tell {name} too; the manifest's own column of that name is kept.")
        return
    facts.rows[name] = values.astype("float64") if kind is float else values.where(values.notna(), "")
    facts.extra.append(name)


def _report_modifiers(facts: HeaderFacts, headers: Mapping[str, Header]) -> None:
    """Add a remark with the number of modified views, their kinds and an example."""
    modified = {image: header.view_modifier for image, header in headers.items() if header.view_modifier}
    if modified:
        counts = Counter(name for names in modified.values() for name in names.split("+"))
        kinds = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        are = "is no plain view" if len(modified) == 1 else "are no plain views"
        facts.remarks.append(
            f"{counted_images(len(modified))} {are} ({kinds}; such as {next(iter(modified))}); "
            "view_modifier tells which."
        )


def _report_intent(facts: HeaderFacts, headers: Mapping[str, Header], intent: str) -> None:
    """Set aside the images of the intent that the user excludes, and warn of raw pixels (FOR PROCESSING)."""
    excluded = {PRESENTATION: PROCESSING, PROCESSING: PRESENTATION}.get(intent)
    for image, header in headers.items():
        if excluded and header.intent == excluded:
            facts.aside[image] = f"its pixels are for {excluded}, not for {intent} (--intent {intent})"
    raw = [image for image, header in headers.items() if header.intent == PROCESSING and image not in facts.aside]
    if raw:
        is_one = len(raw) == 1
        facts.notes.append(
            f"{len(raw):,} of {counted_images(len(headers))} {'is' if is_one else 'are'} FOR PROCESSING: raw pixels, "
            "of which a maker's own processing makes the picture that readers see. They are read as they stand; the "
            "column intent tells them apart, and --intent presentation leaves them out."
        )
        facts.remarks.append(f"FOR PROCESSING {'is' if is_one else 'are'} {', '.join(raw[:5])}{' …' * (len(raw) > 5)}.")


def _their(count: int) -> str:
    return "its header" if count == 1 else "their headers"
