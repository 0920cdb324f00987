"""The licence of a data set named anew, without reading one image again."""

from __future__ import annotations

import contextlib
from typing import Any

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.dataset.licence import ATTRIBUTION, LICENCE, LICENCES, checked_attribution
from mammo.errors import MammoError
from mammo.specs import Home, pick
from mammo.storage.locks import folder_lock

MANIFEST = "manifest "
"""How the source of a data set begins that a manifest lists."""


def about_before(home: Home, name: str, source: str = "") -> dict[str, Any]:
    """What the index of a data set told of itself before it is made anew from the same source.

    `source` is that of a manifest. Empty where there is no index that opens, or one of other images: their licence is
    not the new ones'.
    """
    with contextlib.suppress(MammoError):
        about = Dataset.open(home, name).about
        before = str(about.get("source", ""))
        if before == source if source else not before.startswith(MANIFEST):
            return about
    return {}


def record_licence(home: Home, name: str, licence: str, attribution: str | None = None) -> Dataset:
    """Record another licence of a data set, and how its source is named unless that stays; no identity changes.

    Raises MammoError where there is no such licence or data set, or the home is one to look at.
    """
    home.refuse_shared()
    pick(LICENCES, licence, "licence")
    folder = Dataset.open(home, name).folder
    with folder_lock(folder, "indexing"):
        dataset = Dataset.open(home, name)
        about = {**dataset.about, LICENCE: licence}
        about |= {} if attribution is None else {ATTRIBUTION: checked_attribution(attribution)}
        return write_dataset(home, name, about, dataset.images, dataset.lesions)
