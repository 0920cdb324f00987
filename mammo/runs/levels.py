"""A sweep at the level of breasts or patients, whose stored scores, truth and parts are fused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.birads import SCORES
from mammo.data.splits.leakage import patient_in_train
from mammo.data.splits.protocols import OUT, TEST, TRAIN, sizes
from mammo.errors import MammoError
from mammo.runs.fusion import FUSIONS, LEVELS, fused
from mammo.runs.sweep import Sweep
from mammo.specs import pick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

AT_ONCE = 2**24
"""The most scores that are fused at once."""
JOINT = "+"
"""Joins the values of a column in which the images of a breast or patient differ, such as CC+MLO."""

Members = list["NDArray[np.intp]"]
"""The rows of the images of every breast or patient."""


class LevelError(MammoError):
    """The images of a sweep lack the columns by which its scores are to be fused."""


def at_level(sweep: Sweep, level: str, fuses: Sequence[str]) -> list[Sweep]:
    """The sweep with one row per breast or patient, once for each fusion of `fuses`; runs are named `RUN@LEVEL-FUSE`.

    A breast or patient is malignant where any of its images is. Where its images stand in several parts of a split,
    each part gets a row of its own images. Images without a breast or patient are left out. At the level `image` the
    result is the sweep itself. Raises LevelError where no image has a breast or patient.
    """
    if not fuses:
        raise MammoError(f"Name a fusion; choose one of: {', '.join(FUSIONS)}.")
    for fuse in fuses:
        pick(FUSIONS, fuse, "fusion")
    if not pick(LEVELS, level, "level").columns:
        return [sweep]
    members, parts = _grouped(sweep, level)
    images = _images(sweep.images, members)
    splits = [
        {**facts, "sizes": sizes(part), "leakage": _leakage(facts["leakage"], images, part)}
        for facts, part in zip(sweep.about["splits"], parts, strict=True)
    ]
    return [
        replace(
            sweep,
            id=f"{sweep.id}@{level}-{fuse}",
            about={**sweep.about, "splits": splits, "level": level, "fuse": fuse},
            runs=sweep.runs.assign(run=sweep.runs["run"] + f"@{level}-{fuse}"),
            images=images,
            logits=_fused(sweep.logits, members, fuse),
            parts=parts,
        )
        for fuse in fuses
    ]


def images_of(images: pd.DataFrame, group: pd.Series, level: str) -> pd.DataFrame:
    """The rows of `images`, all of one part of a split, whose scores were fused into the row `group` at a level."""
    columns = list(LEVELS[level].columns)
    return images[(images[columns].astype(str) == group[columns].astype(str)).all(axis=1)]


def _grouped(sweep: Sweep, level: str) -> tuple[Members, NDArray[np.int8]]:
    """The groups of images that are fused, and the part of each group in each split, int8 (splits, groups)."""
    code = _codes(sweep.images, level)
    if not ((code >= 0) & (np.asarray(sweep.parts) != OUT)).any():
        raise LevelError(
            f"The images of the sweep {sweep.id!r} name no {level}, so their scores cannot be fused by {level}; "
            "name it in the data set and run the sweep again."
        )
    rows: dict[tuple[int, ...], int] = {}
    parts_by_split = []
    for part in np.asarray(sweep.parts):
        used = np.flatnonzero((code >= 0) & (part != OUT))
        ordered = used[np.lexsort((part[used], code[used]))]
        borders = np.flatnonzero(np.diff(code[ordered]) | np.diff(part[ordered])) + 1
        groups = np.split(ordered, borders) if ordered.size else []
        parts_by_split.append([(rows.setdefault(tuple(group.tolist()), len(rows)), part[group[0]]) for group in groups])
    parts = np.full((len(parts_by_split), len(rows)), OUT, dtype=np.int8)
    for split, row_parts in enumerate(parts_by_split):
        for row, part in row_parts:
            parts[split, row] = part
    return [np.array(group, dtype=np.intp) for group in rows], parts


def _codes(images: pd.DataFrame, level: str) -> NDArray[np.intp]:
    """The number of each image's breast or patient, (images,), -1 where it has none."""
    columns = list(LEVELS[level].columns)
    if not set(columns) <= set(images):
        return np.full(len(images), -1)
    image = images["parent" if "parent" in images else "image"]
    if (images["patient"] == image).all():  # a manifest without patients
        return np.full(len(images), -1)
    table = images[columns].astype("string").fillna("")
    code = table.groupby(columns, sort=False).ngroup().to_numpy()
    return np.where((table == "").any(axis=1), -1, code)


def _fused(logits: NDArray[Any], members: Members, fuse: str) -> NDArray[Any]:
    """The scores of all groups, (runs, groups), computed for a few runs at a time to limit memory."""
    columns = np.concatenate(members)
    starts = np.cumsum([0, *(group.size for group in members[:-1])])
    step = max(1, AT_ONCE // columns.size)
    pieces = [
        fused(_sorted(np.asarray(logits[first : first + step])[:, columns], starts), starts, fuse)
        for first in range(0, len(logits), step)
    ]
    return np.concatenate(pieces) if pieces else np.zeros((0, len(members)))


def _sorted(logits: NDArray[Any], starts: NDArray[np.intp]) -> NDArray[Any]:
    """The scores of each group in ascending order, so that rounding errors do not depend on the order of images."""
    sizes = np.diff(np.append(starts, logits.shape[1]))
    for size in np.unique(sizes[sizes > 1]):
        columns = starts[sizes == size][:, None] + np.arange(size)
        logits[:, columns] = np.sort(logits[:, columns], axis=-1)
    return logits


def _images(images: pd.DataFrame, members: Members) -> pd.DataFrame:
    """One row per group: its patient, its truth, and the columns of its images, with differing values joined."""
    group = np.repeat(np.arange(len(members)), [rows.size for rows in members])
    table = images.iloc[np.concatenate(members)]
    joined = {str(name): _joined(table[name].reset_index(drop=True), group) for name in images}
    malignant = np.bincount(group, weights=np.asarray(table["label"] == "malignant", dtype=float)) > 0
    joined["label"] = pd.Series(np.where(malignant, "malignant", "benign"))
    if "birads" in images:
        joined["birads"] = _worst(table["birads"], group)
    return pd.DataFrame(joined)


def _joined(values: pd.Series, group: NDArray[np.intp]) -> pd.Series:
    """The single value of each group, or its values joined as text; missing where it has none."""
    present = values.notna() & (values.astype("string") != "").fillna(False)
    distinct = pd.DataFrame({"group": group, "value": values})[present.to_numpy()].drop_duplicates()
    size = int(group[-1]) + 1 if group.size else 0
    if not distinct["group"].duplicated().any():
        return distinct.set_index("group")["value"].reindex(range(size))
    texts: dict[int, list[str]] = {}
    for number, value in zip(distinct["group"], distinct["value"].astype("string"), strict=True):
        texts.setdefault(number, []).append(value)
    return pd.Series({number: JOINT.join(sorted(words)) for number, words in texts.items()}).reindex(range(size))


def _worst(birads: pd.Series, group: NDArray[np.intp]) -> pd.Series:
    """The most suspicious assessment of each group."""
    table = pd.DataFrame({"group": group, "birads": pd.to_numeric(birads, errors="coerce").to_numpy(dtype=float)})
    assessed = table.dropna().assign(score=lambda rows: rows["birads"].map(SCORES))
    worst = assessed.sort_values("score").groupby("group")["birads"].last()
    return worst.reindex(range(int(group[-1]) + 1)).astype("Int64")


def _leakage(leaks: dict[str, int | None], images: pd.DataFrame, part: NDArray[np.int8]) -> dict[str, int | None]:
    """The leakage of a split with its image counts limited to groups; a near-duplicate spoils at most one group."""
    train, test = (images.loc[part == number, "patient"] for number in (TRAIN, TEST))
    most = {"test_images_with_patient_in_train": int(patient_in_train(train, test).sum()), "near_duplicates": len(test)}
    counted = {name: count for name, count in leaks.items() if name in most and count is not None}
    return {**leaks, **{name: min(count, most[name]) for name, count in counted.items()}}
