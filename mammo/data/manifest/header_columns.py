"""What headers tell of a manifest's images: cells that it leaves empty, columns that it has not, and contradictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from mammo.data.files.header.codes import PRESENTATION, PROCESSING, VIEWS
from mammo.data.files.header.header import Header, parse_view
from mammo.data.manifest.header_patients import use_patients
from mammo.errors import MammoError

ANY = "any"
INTENTS = (ANY, PRESENTATION, PROCESSING)
"""What `--intent` takes: all images, or all but those whose headers say that their pixels are for the other."""

FILLED = {"breast": "side", "view": "view"}
"""The manifest's columns whose empty cells headers fill, and what they are called."""

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
"""The columns that headers add where any tells them, by their fields of `Header`."""


@dataclass(frozen=True)
class HeaderUse:
    """What a user wants of headers: `patients` takes theirs where the manifest names none, `intent` is of `INTENTS`.

    Raises MammoError for another intent.
    """

    patients: bool = False
    intent: str = ANY

    def __post_init__(self) -> None:
        if self.intent not in INTENTS:
            raise MammoError(f"There is no intent {self.intent!r}; choose one of: {', '.join(INTENTS)}.")


FILL = HeaderUse()
"""No more than what the manifest leaves empty."""


@dataclass
class Told:
    """A manifest's rows with what headers tell.

    `extra` names the columns that were added. `notes` must be known before figures are believed and name nobody;
    `remarks` say what was taken from where, with examples. `aside` holds the images that the user does not want, and
    `took_patients` says whether patients are now those of headers.
    """

    rows: pd.DataFrame
    extra: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    took_patients: bool = False


def use_headers(
    rows: pd.DataFrame,
    headers: Mapping[str, Header],
    names_patients: bool,
    use: HeaderUse = FILL,
) -> Told:
    """Fill and extend a manifest's rows (one a finding) by the headers of their images; the manifest's words win.

    `names_patients` says whether the manifest does.
    """
    told = Told(rows.copy())
    for name, word in FILLED.items():
        _fill(told, headers, name, word)
    for name, kind in ADDED.items():
        _add(told, headers, name, kind)
    if told.extra:
        count = sum(any(getattr(header, name) is not None for name in told.extra) for header in headers.values())
        told.remarks.append(f"From the headers of {_images(count)}: {', '.join(told.extra)}.")
    _count_modifiers(told, headers)
    _tell_intent(told, headers, use.intent)
    before = told.rows["patient"]
    told.rows, notes, remarks = use_patients(told.rows, headers, names_patients, use.patients)
    told.took_patients = not told.rows["patient"].equals(before)
    told.notes += notes
    told.remarks += remarks
    return told


def _by_image(rows: pd.DataFrame, headers: Mapping[str, Header], name: str) -> pd.Series:
    """What the header of each row's image tells of a field."""
    values = {image: getattr(header, name) for image, header in headers.items()}
    return pd.Series([values.get(image) for image in rows["image"]], index=rows.index, dtype=object)


def _fill(told: Told, headers: Mapping[str, Header], name: str, word: str) -> None:
    rows, found = told.rows, _by_image(told.rows, headers, name)
    silent = rows[name].isna() | (rows[name] == "")
    filled = silent & found.notna()
    if filled.any():
        rows[name] = rows[name].where(~filled, found)
        images = rows.loc[filled, "image"].unique()
        guessed = sum(name in (headers[image].by_orientation or "").split("+") for image in images)
        how = f", {guessed} by the patient's orientation alone" if guessed else ""
        told.remarks.append(f"The {word} of {_images(len(images))} is from {_their(len(images))}{how}.")
    same = _same_view if name == "view" else (lambda ours, theirs: ours == theirs)
    _contradict(told, found, name, word, same)


def _contradict(told: Told, found: pd.Series, name: str, word: str, same: Callable[[str, str], bool]) -> None:
    listed = zip(told.rows["image"], told.rows[name], found, strict=True)
    differ = {
        image: (ours, theirs)
        for image, ours, theirs in listed
        if ours and theirs is not None and not same(ours, theirs)
    }
    if differ:
        image, (ours, theirs) = next(iter(differ.items()))
        told.remarks.append(
            f"The {word} of {_images(len(differ))} is another in {_their(len(differ))} ({image}: {ours}, its header "
            f"says {theirs}); the manifest's is kept."
        )


def _same_view(ours: str, theirs: str) -> bool:
    """Whether two views agree; words beyond the standard ones contradict nothing."""
    views = parse_view(ours)[0], parse_view(theirs)[0]
    return views[0] == views[1] or not (views[0] in VIEWS and views[1] in VIEWS)


def _add(told: Told, headers: Mapping[str, Header], name: str, kind: type) -> None:
    found = _by_image(told.rows, headers, name)
    if found.isna().all():
        return
    if name in told.rows:
        told.remarks.append(f"Headers tell {name} too; the manifest's own column of that name is kept.")
        return
    told.rows[name] = found.astype("float64") if kind is float else found.where(found.notna(), "")
    told.extra.append(name)


def _count_modifiers(told: Told, headers: Mapping[str, Header]) -> None:
    """Say how many images are no plain views, of what kind, and which is the first."""
    modified = {image: header.view_modifier for image, header in headers.items() if header.view_modifier}
    if modified:
        counts = Counter(name for names in modified.values() for name in names.split("+"))
        kinds = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        are = "is no plain view" if len(modified) == 1 else "are no plain views"
        told.remarks.append(
            f"{_images(len(modified))} {are} ({kinds}; such as {next(iter(modified))}); view_modifier tells which."
        )


def _tell_intent(told: Told, headers: Mapping[str, Header], intent: str) -> None:
    """Never take raw pixels in silence, and set those aside that the user does not want."""
    other = {PRESENTATION: PROCESSING, PROCESSING: PRESENTATION}.get(intent)
    for image, header in headers.items():
        if other and header.intent == other:
            told.aside[image] = f"its pixels are for {other}, not for {intent} (--intent {intent})"
    raw = [image for image, header in headers.items() if header.intent == PROCESSING and image not in told.aside]
    if raw:
        one = len(raw) == 1
        told.notes.append(
            f"{len(raw):,} of {_images(len(headers))} {'is' if one else 'are'} FOR PROCESSING: raw pixels, of which a "
            "maker's own processing makes the picture that readers see. They are read as they stand; the column intent "
            "tells them apart, and --intent presentation leaves them out."
        )
        told.remarks.append(f"FOR PROCESSING {'is' if one else 'are'} {', '.join(raw[:5])}{' …' * (len(raw) > 5)}.")


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"


def _their(count: int) -> str:
    return "its header" if count == 1 else "their headers"
