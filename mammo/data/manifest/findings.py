"""The optional columns of a manifest: all columns except path, label and patient."""

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
"""Names that the index uses itself; a manifest's column of such a name is renamed to `NAME_given`."""
TISSUE = "tissue"
"""The name of the subgroup column for densities on the scale of MIAS."""
NOT_BIRADS = (
    "The {name} is fatty, glandular or dense (F, G, D), not BI-RADS density: it is kept as the subgroup {group}."
)


@dataclass
class Findings:
    """Rows with all our columns; `extra` names subgroup columns, `outside` lists the rows whose box is outside."""

    rows: pd.DataFrame
    extra: list[str] = field(default_factory=list)
    outside: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_findings(rows: pd.DataFrame, cells: pd.DataFrame, headers: Headers, unread: Unread) -> Findings:
    """Add the values of all other columns of `cells` to `rows`; a value that is missing is counted in `unread`."""
    findings = Findings(rows.copy())
    subgroups = _subgroup_columns(cells, headers)
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
    findings.rows = pd.concat([findings.rows, cells[list(subgroups)].rename(columns=subgroups)], axis=1)
    findings.extra = list(subgroups.values())
    if "density" in texts and _is_tissue("density", texts["density"]):
        _add_tissue(findings, texts["density"], unread)
    return findings


def _add_sides(findings: Findings, views: pd.Series) -> None:
    """Fill an empty side from the view, such as `LCC`; a side that differs is noted."""
    sides = views.map({cell: read_projection(cell)[1] for cell in views.unique()})
    filled = (findings.rows["breast"] == "") & (sides != "")
    differing = (findings.rows["breast"] != "") & (sides != "") & (findings.rows["breast"] != sides)
    findings.rows["breast"] = findings.rows["breast"].where(~filled, sides)
    if filled.any():
        rows = "1 row" if filled.sum() == 1 else f"{filled.sum():,} rows"
        findings.notes.append(f"The side of {rows} comes from the {views.name}, such as {views[filled].iloc[0]}.")
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


def _subgroup_columns(cells: pd.DataFrame, headers: Headers) -> dict[str, str]:
    """Map the columns that become subgroups to their names in the index."""
    used, subgroups = {*COLUMNS, *OURS}, {}
    for name in map(str, cells):
        if name not in headers.columns.values():
            unique = name
            while unique in used:
                unique += "_given"
            subgroups[name] = unique
            used.add(unique)
    return subgroups
