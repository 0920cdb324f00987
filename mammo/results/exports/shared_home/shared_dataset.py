"""A data set in a shared home: its tables without files, and with names, order and words that lead back to nobody."""

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
"""Stands for a file that is not there."""


@dataclass(frozen=True)
class SharedDataset:
    """A data set as it is shared, the one it is made of, and the names between them; None where names are kept."""

    shared: Dataset
    original: Dataset
    pseudonyms: Pseudonyms | None

    def about(self, own: dict[str, Any], kind: str) -> dict[str, Any]:
        """What a sweep on images of `kind` tells of its data set, from what it told of the original."""
        digest = {"digest": self.shared.digest(kind)}
        if self.pseudonyms is None:
            return {**own, **digest}
        told = {name: own[name] for name in ("name", "synthetic")}
        source = {"source": neutral_source(str(own.get("source", "")))}
        notes = neutral_notes([str(note) for note in own.get("notes", [])])
        return {**told, **source, "notes": notes, **_of_labels(own, self.original.images), **digest}


def share_dataset(home: Home, dataset: Dataset, names: bool, kinds: Iterable[str]) -> SharedDataset:
    """Write a data set into a home to be shared, with the previews of its images of some `kinds`.

    With `names` patients and images keep theirs, and so do all columns and the order of rows.
    """
    pseudonyms = None if names else Pseudonyms.of(dataset)
    images, image_tokens = _table(dataset.images, "", pseudonyms)
    lesions, crop_tokens = _table(dataset.lesions, "crop_", pseudonyms)
    about = _kept_about(dataset) if pseudonyms is None else _neutral_about(dataset)
    shared = write_dataset(home, dataset.name, about, images, lesions)
    tokens = {"full": image_tokens, "crop": crop_tokens}
    for kind in kinds:
        _copy_previews(shared, dataset, kind, tokens[kind])
    return SharedDataset(shared, dataset, pseudonyms)


def neutral_source(source: str) -> str:
    """Where images come from without the name of a file; what is no manifest is a collection that we name."""
    return "a manifest" if source.startswith(MANIFEST) else source.partition(",")[0]


def _table(table: pd.DataFrame, prefix: str, pseudonyms: Pseudonyms | None) -> tuple[pd.DataFrame, dict[str, str]]:
    """A table without what it says of files, and by item a random name in place of its file's digest."""
    if pseudonyms is not None:
        table = table.loc[shuffled(table.index)]
    item, file = ("lesion", "crop") if prefix else ("image", "file")
    tokens = [secrets.token_hex(32) for _ in range(len(table))]
    there = table[file].notna().to_numpy() if prefix else [True] * len(table)
    gone: dict[str, Any] = {f"{prefix}{name}": pd.NA if name in WHOLE else None for name in FILE[1:]}
    gone |= {
        f"{prefix}rules": "",
        f"{prefix}digest": [token if is_there else None for token, is_there in zip(tokens, there, strict=True)],
    }
    gone |= {"crop": [WITHHELD if is_there else None for is_there in there], "mask": None} if prefix else {"file": None}
    shared = (table if pseudonyms is None else pseudonyms.over(table)).assign(**gone)
    whole = {f"{prefix}{name}": "Int64" for name in WHOLE}
    return shared.astype(whole).reset_index(drop=True), dict(zip(table[item], tokens, strict=True))


def _kept_about(dataset: Dataset) -> dict[str, Any]:
    depth = [replace(record, dark={}).to_json() for record in dataset.depths]  # the dark films' names stay at home
    nothing: dict[str, Any] = {"quarantined": [], STALLED: [], REMARKS: []}
    return {**dataset.about, "root": ".", "metadata_only": True, DEPTH: depth, **nothing}


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
        **_of_labels(own, dataset.images),
    }


def _of_labels(own: dict[str, Any], images: pd.DataFrame) -> dict[str, Any]:
    """What must be known of labels: what classes are called, and whether labels were made from BI-RADS."""
    told: dict[str, Any] = {"classes": neutral_classes(own["classes"])} if own.get("classes") else {}
    made = circularity(own, images)
    if made and made.certain:
        told |= {"labels_from_birads": True, "columns": {"label": "birads", "birads": "birads"}}
    return told


def _copy_previews(shared: Dataset, dataset: Dataset, kind: str, tokens: dict[str, str]) -> None:
    """Small pictures under names that no digest of a file leads to, and with nothing in them but the picture.

    They are written in the order of those names: the times of files would else tell the order of the originals.
    """
    folder = shared.folder / "previews"
    table = dataset.table(kind)
    digests = dict(zip(table["image"], table["digest"], strict=True))
    previews = dataset.previews(kind)
    for image in sorted(digests, key=lambda image: tokens[image]):
        digest, preview = digests[image], previews[str(image)]
        if dataset.holds(preview):
            named = stretched_name if preview.name == stretched_name(str(digest)) else preview_name
            write_bytes(folder / named(tokens[image]), bare_jpeg(preview.read_bytes()))
