"""What a manifest tells of images beside path, label and patient: the columns that may be silent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from mammo.data.dataset.dataset import FILE
from mammo.data.manifest.cells.boxes import read_boxes
from mammo.data.manifest.cells.values import optional_values, read_tissue, read_values
from mammo.data.manifest.columns.columns import BOX, COLUMNS, NUMBERS
from mammo.data.manifest.columns.headers import Headers
from mammo.data.manifest.unread import Unread
from mammo.data.manifest.words.projections import read_projection
from mammo.data.manifest.words.scales import is_tissue

OURS = {"image", "lesion", "pathology", "conflict", "lesions", "number", "parent", "crop", "row", "rules"}
OURS |= {*FILE, *(f"crop_{name}" for name in FILE), "image_path", "crop_path", "mask_path"}
"""Names that the index uses itself; a manifest's column of such a name gets `_given` behind it."""
TISSUE = "tissue"
"""The subgroup of densities on the scale of MIAS."""
NOT_BIRADS = (
    "The {name} is fatty, glandular or dense (F, G, D), not BI-RADS density: it is kept as the subgroup {group}."
)


@dataclass
class Findings:
    """Rows with all our columns; `extra` names subgroups, `outside` says which rows have a box outside the image."""

    rows: pd.DataFrame
    extra: list[str] = field(default_factory=list)
    outside: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_findings(rows: pd.DataFrame, cells: pd.DataFrame, headers: Headers, unread: Unread) -> Findings:
    """Add to `rows` what their `cells` say in all other columns; what they do not say is missing and counted."""
    findings = Findings(rows.copy())
    kept = _kept(cells, headers)
    texts = {ours: headers.cells(ours, cells) for ours in COLUMNS if ours in headers.sources and ours not in rows}
    for ours, column in COLUMNS.items():
        if ours in texts and ours not in BOX and not _is_tissue(ours, texts[ours]):
            findings.rows[ours] = optional_values(read_values(texts[ours], ours), ours, unread)
        elif ours not in rows:
            findings.rows[ours] = column.missing
    if "view" in texts:
        _add_sides(findings, texts["view"])
    if BOX[0] in texts:
        _add_boxes(findings, {side: texts[side] for side in BOX}, unread)
    findings.rows = findings.rows.astype(dict.fromkeys((*BOX, *NUMBERS), "Int64"))
    findings.rows = pd.concat([findings.rows, cells[list(kept)].rename(columns=kept)], axis=1)
    findings.extra = list(kept.values())
    if "density" in texts and _is_tissue("density", texts["density"]):
        _add_tissue(findings, texts["density"], unread)
    return findings


def _add_sides(findings: Findings, views: pd.Series) -> None:
    """Take the side from the view, as in `LCC`, where no column tells it."""
    sides = views.map({cell: read_projection(cell)[1] for cell in views.unique()})
    silent = (findings.rows["breast"] == "") & (sides != "")
    differing = (findings.rows["breast"] != "") & (sides != "") & (findings.rows["breast"] != sides)
    findings.rows["breast"] = findings.rows["breast"].where(~silent, sides)
    if silent.any():
        rows = "1 row" if silent.sum() == 1 else f"{silent.sum():,} rows"
        findings.notes.append(f"The side of {rows} comes from the {views.name}, such as {views[silent].iloc[0]}.")
    if differing.any():
        row, view, breast = next(
            zip(views.index[differing], views[differing], findings.rows["breast"][differing], strict=True)
        )
        findings.notes.append(
            f"In {differing.sum():,} rows the {views.name} names another side than the breast, which counts "
            f"(row {row}: {view} and {breast})."
        )


def _is_tissue(ours: str, texts: pd.Series) -> bool:
    return ours == "density" and is_tissue(Counter(texts.tolist()))


def _add_boxes(findings: Findings, texts: dict[str, pd.Series], unread: Unread) -> None:
    numbers = pd.DataFrame({side: read_values(texts[side], side).listed for side in BOX}, index=findings.rows.index)
    boxes, findings.outside, notes = read_boxes(texts, numbers.astype("float64"), unread)
    findings.rows[list(BOX)] = boxes
    findings.notes += notes


def _add_tissue(findings: Findings, texts: pd.Series, unread: Unread) -> None:
    group = TISSUE if TISSUE not in findings.rows else f"{TISSUE}_given"
    findings.rows[group] = optional_values(read_tissue(texts), TISSUE, unread)
    findings.extra.append(group)
    findings.notes.append(NOT_BIRADS.format(name=texts.name, group=group))


def _kept(cells: pd.DataFrame, headers: Headers) -> dict[str, str]:
    """The columns that are taken along as subgroups, and their names in the index."""
    taken, kept = {*COLUMNS, *OURS}, {}
    for theirs in map(str, cells):
        if theirs not in headers.columns.values():
            ours = theirs
            while ours in taken:
                ours += "_given"
            kept[theirs] = ours
            taken.add(ours)
    return kept
