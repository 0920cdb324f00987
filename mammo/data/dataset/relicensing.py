"""A new licence for a data set, without reading its images again."""

from __future__ import annotations

import contextlib
from typing import Any

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.dataset.licence import ATTRIBUTION, LICENCE, LICENCES, checked_attribution
from mammo.errors import MammoError
from mammo.specs import Home, pick
from mammo.storage.locks import folder_lock

MANIFEST = "manifest "
"""The prefix of the `source` of a data set that comes from a manifest."""


def about_before(home: Home, name: str, source: str = "") -> dict[str, Any]:
    """Return the metadata of the existing index of a data set, before it is indexed again from the same source.

    `source` is that of a manifest, or empty. The result is empty where no index opens, or it has another source: its
    licence does not apply to the new images.
    """
    with contextlib.suppress(MammoError):
        about = Dataset.open(home, name).about
        before = str(about.get("source", ""))
        if before == source if source else not before.startswith(MANIFEST):
            return about
    return {}


def record_licence(home: Home, name: str, licence: str, attribution: str | None = None) -> Dataset:
    """Record another licence of a data set, and its attribution unless that is None; no digest changes.

    Raises MammoError where there is no such licence or data set, or the home is read-only.
    """
    home.refuse_shared()
    pick(LICENCES, licence, "licence")
    folder = Dataset.open(home, name).folder
    with folder_lock(folder, "indexing"):
        dataset = Dataset.open(home, name)
        about = {**dataset.about, LICENCE: licence}
        about |= {} if attribution is None else {ATTRIBUTION: checked_attribution(attribution)}
        return write_dataset(home, name, about, dataset.images, dataset.lesions)
