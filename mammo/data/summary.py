"""What a data set holds, in numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.data.dataset.licence import LICENCE, attribution_of
from mammo.data.origin import origin


def lesions_told(dataset: Dataset) -> bool:
    """Whether anybody listed lesions: a manifest of images alone has none, which does not say that there are none."""
    return not dataset.lesions.empty


def summary(dataset: Dataset) -> dict[str, Any]:
    """The counts of a data set, as `mammo index --json` prints them."""
    images, lesions, held = dataset.images, dataset.lesions, dataset.held
    everyone = pd.concat([images["patient"], lesions.loc[lesions["crop"].notna(), "patient"]])
    return {
        "dataset": dataset.name,
        "source": origin(dataset.about),
        "synthetic": dataset.synthetic,
        "metadata_only": dataset.metadata_only,
        "images": len(images),
        "views": int(images["film"].nunique()),
        "lesions": len(held) if lesions_told(dataset) else None,
        "patients": int(everyone.nunique()),
        "labels": {str(name).lower(): int(count) for name, count in held["pathology"].value_counts().items()},
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
