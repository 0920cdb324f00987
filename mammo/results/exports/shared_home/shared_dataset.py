"""A data set in a shared home: tables without files, whose names, order and words identify nobody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from mammo.data.dataset.dataset import DEPTH, FILE, REMARKS, STALLED, WHOLE, Dataset, write_dataset
from mammo.data.dataset.licence import ATTRIBUTION, LICENCE, attribution_of
from mammo.data.dataset.relicensing import MANIFEST
from mammo.data.files.previews import preview_name, stretched_name
from mammo.results.exports.shared_home.bare_jpeg import bare_jpeg
from mammo.results.exports.shared_home.pseudonyms import Pseudonyms, shuffled
from mammo.results.exports.shared_home.vocabulary import KNOWN, neutral_classes, neutral_notes
from mammo.runs.circular import circularity
from mammo.storage.atomic_files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mammo.specs import Home

WITHHELD = "withheld"
"""The value of a crop's file column where the original has a file."""


@dataclass(frozen=True)
class SharedDataset:
    """A data set as it is shared, its original, and the made-up names; None where the true names stay."""

    shared: Dataset
    original: Dataset
    pseudonyms: Pseudonyms | None

    def about(self, own: dict[str, Any], kind: str) -> dict[str, Any]:
        """The facts that a sweep on images of `kind` stores on its data set, from `own`, those that it stores today."""
        digest = {"digest": self.shared.digest(kind)}
        if self.pseudonyms is None:
            return {**own, **digest}
        plain = {name: own[name] for name in ("name", "synthetic")}
        source = {"source": neutral_source(str(own.get("source", "")))}
        notes = neutral_notes([str(note) for note in own.get("notes", [])])
        return {**plain, **source, "notes": notes, **_label_facts(own, self.original.images), **digest}


def share_dataset(home: Home, dataset: Dataset, names: bool, kinds: Iterable[str]) -> SharedDataset:
    """Write a data set into a home to share, with the previews of its images of these `kinds`.

    With `names` the true names, all columns and the order of the rows stay.
    """
    pseudonyms = None if names else Pseudonyms.of(dataset)
    images, image_tokens = _table(dataset.images, "", pseudonyms)
    lesions, crop_tokens = _table(dataset.lesions, "crop_", pseudonyms)
    about = _full_about(dataset) if pseudonyms is None else _neutral_about(dataset)
    shared = write_dataset(home, dataset.name, about, images, lesions)
    tokens = {"full": image_tokens, "crop": crop_tokens}
    for kind in kinds:
        _copy_previews(shared, dataset, kind, tokens[kind])
    return SharedDataset(shared, dataset, pseudonyms)


def neutral_source(source: str) -> str:
    """The source of the images without the name of a file: "a manifest", or the name of the collection."""
    return "a manifest" if source.startswith(MANIFEST) else source.partition(",")[0]


def _table(table: pd.DataFrame, prefix: str, pseudonyms: Pseudonyms | None) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table without the facts on its files, and a random token in place of the digest of each item's file."""
    if pseudonyms is not None:
        table = table.loc[shuffled(table.index)]
    item, file = ("lesion", "crop") if prefix else ("image", "file")
    tokens = [secrets.token_hex(32) for _ in range(len(table))]
    has_file = table[file].notna().to_numpy() if prefix else [True] * len(table)
    withheld: dict[str, Any] = {f"{prefix}{name}": pd.NA if name in WHOLE else None for name in FILE[1:]}
    withheld |= {
        f"{prefix}rules": "",
        f"{prefix}digest": [token if present else None for token, present in zip(tokens, has_file, strict=True)],
    }
    withheld |= (
        {"crop": [WITHHELD if present else None for present in has_file], "mask": None} if prefix else {"file": None}
    )
    shared = (table if pseudonyms is None else pseudonyms.over(table)).assign(**withheld)
    integers = {f"{prefix}{name}": "Int64" for name in WHOLE}
    return shared.astype(integers).reset_index(drop=True), dict(zip(table[item], tokens, strict=True))


def _full_about(dataset: Dataset) -> dict[str, Any]:
    depth = [replace(record, dark={}).to_json() for record in dataset.depths]  # `dark` holds names of films
    empty: dict[str, Any] = {"quarantined": [], STALLED: [], REMARKS: []}
    return {**dataset.about, "root": ".", "metadata_only": True, DEPTH: depth, **empty}


def _neutral_about(dataset: Dataset) -> dict[str, Any]:
    own = dataset.about
    missing = {name: count for name, count in own.get("missing", {}).items() if name in KNOWN}
    return {
        "source": neutral_source(str(own.get("source", ""))),
        "root": ".",
        "synthetic": dataset.synthetic,
        "listed_images": int(own["listed_images"]),
        "metadata_only": True,
        "missing": missing,
        "quarantined": [],
        STALLED: [],
        DEPTH: [],
        "notes": neutral_notes(dataset.notes),
        REMARKS: [],
        **({LICENCE: own[LICENCE]} if own.get(LICENCE) else {}),
        ATTRIBUTION: attribution_of(own),
        **_label_facts(own, dataset.images),
    }


def _label_facts(own: dict[str, Any], images: pd.DataFrame) -> dict[str, Any]:
    """The names of the classes, and whether the labels come from BI-RADS."""
    facts: dict[str, Any] = {"classes": neutral_classes(own["classes"])} if own.get("classes") else {}
    birads = circularity(own, images)
    if birads and birads.certain:
        facts |= {"labels_from_birads": True, "columns": {"label": "birads", "birads": "birads"}}
    return facts


def _copy_previews(shared: Dataset, dataset: Dataset, kind: str, tokens: dict[str, str]) -> None:
    """Copy the small pictures, stripped of metadata, under random names instead of their files' digests.

    They are written in the order of the new names: else the files' times would reveal the order of the originals.
    """
    folder = shared.folder / "previews"
    table = dataset.table(kind)
    digests = dict(zip(table["image"], table["digest"], strict=True))
    previews = dataset.previews(kind)
    for image in sorted(digests, key=lambda image: tokens[image]):
        digest, preview = digests[image], previews[str(image)]
        if dataset.holds(preview):
            new_name = stretched_name if preview.name == stretched_name(str(digest)) else preview_name
            write_bytes(folder / new_name(tokens[image]), bare_jpeg(preview.read_bytes()))
