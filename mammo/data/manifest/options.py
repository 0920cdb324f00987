"""The options with which a manifest is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammo.data.manifest.header_columns import ANY, FILL, HeaderUse


@dataclass(frozen=True)
class ManifestOptions:
    """How a manifest is read.

    `columns` maps our names to those of the file, or to templates over its columns. `positive`, `negative` and `drop`
    name the labels that are malignant, benign or left out. Paths are relative to `root`, by default the manifest's
    folder. `sheet` names a sheet of a workbook; `header` names the columns of a file that has no header; `headers` says
    what is read from the images' own headers. `licence` names an entry of LICENCES, or is empty.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    root: Path | None = None
    sheet: str | None = None
    header: tuple[str, ...] = ()
    headers: HeaderUse = FILL
    licence: str = ""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ManifestOptions:
        """The options among the fields of a job's request."""
        lists = {name: tuple(content.get(name) or ()) for name in ("positive", "negative", "drop", "header")}
        root = Path(content["root"]) if content.get("root") else None
        headers = HeaderUse(bool(content.get("header_patients")), str(content.get("intent") or ANY))
        licence = str(content.get("licence") or "")
        columns, sheet = dict(content.get("columns") or {}), content.get("sheet")
        return cls(columns, root=root, sheet=sheet, headers=headers, licence=licence, **lists)
