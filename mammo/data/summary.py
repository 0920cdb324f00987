"""The counts of a data set."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.data.dataset.licence import LICENCE, attribution_of
from mammo.data.origin import origin


def lists_lesions(dataset: Dataset) -> bool:
    """Whether the source lists lesions; without a list it is unknown whether there are any."""
    return not dataset.lesions.empty


def summary(dataset: Dataset) -> dict[str, Any]:
    """The counts of a data set, as `mammo index --json` prints them."""
    images, lesions, available = dataset.images, dataset.lesions, dataset.available_lesions
    patients = pd.concat([images["patient"], lesions.loc[lesions["crop"].notna(), "patient"]])
    return {
        "dataset": dataset.name,
        "source": origin(dataset.about),
        "synthetic": dataset.synthetic,
        "metadata_only": dataset.metadata_only,
        "images": len(images),
        "views": int(images["film"].nunique()),
        "lesions": len(available) if lists_lesions(dataset) else None,
        "patients": int(patients.nunique()),
        "labels": {str(name).lower(): int(count) for name, count in available["pathology"].value_counts().items()},
        "image_labels": {str(name): int(count) for name, count in images["label"].value_counts().items()},
        "classes": dataset.classes.to_json(),
        "conflicts": int(images["conflict"].sum()),
        "kinds": {
            "full": int(images["file"].notna().sum()),
            "crop": int(lesions["crop"].notna().sum()),
            "mask": int(lesions["mask"].notna().sum()),
        },
        "digest": dataset.content_digest,
        "depth": [record.to_json() for record in dataset.depths],
        "missing": dict(dataset.about.get("missing", {})),
        "listed_images": int(dataset.about["listed_images"]),
        "licence": dataset.about.get(LICENCE),
        "attribution": attribution_of(dataset.about),
        "notes": dataset.notes,
        "remarks": dataset.remarks,
        "quarantined": [{"path": path, "reason": reason} for path, reason in dataset.about["quarantined"]],
        "stalled": dataset.stalled,
    }
