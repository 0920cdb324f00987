"""Rows whose path is a pattern: each matching file is an image and belongs to the row of its breast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mammo.data.files.header.header import read_header
from mammo.data.manifest.files.files import match_files

OTHER_BREAST = "its header says {side}, and no row of the manifest is of that breast"

EITHER_BREAST = "rows of both breasts match it, and its header does not say which it shows"


def expand_patterns(
    rows: pd.DataFrame, root: Path, side_of: Callable[[Path], str]
) -> tuple[pd.DataFrame, dict[str, str], list[list[str]], list[str]]:
    """Return one row a matching file, the patterns without a file, the files that are set aside, and notes.

    A pattern without a file stays the path of one row. Where a pattern matches several files, a row that names a
    breast takes the files whose header names the same breast or none: tables with one row a breast need this.
    A file that would belong to rows of both breasts is set aside.
    """
    matches = match_files(rows["path"].unique(), root)
    absent = {pattern: f"no file matches {pattern}" for pattern, files in matches.items() if not files}
    rows = rows[~rows["path"].isin(list(absent)) | ~rows["path"].duplicated()]
    files = [matches[pattern] or [pattern] for pattern in rows["path"]]
    several = rows["path"].map(lambda pattern: len(matches[pattern]) > 1)
    spread_out = rows.assign(path=pd.Series(files, index=rows.index), several=several).explode("path")
    sided = spread_out["several"] & (spread_out["breast"] != "")
    sides = {file: side_of(root / file) for file in spread_out.loc[sided, "path"].unique()}
    header_sides = pd.Series([sides.get(file, "") for file in spread_out["path"]], index=spread_out.index, dtype=str)
    fits = ~sided | (header_sides == "") | (header_sides == spread_out["breast"])
    breasts = spread_out[fits & sided].groupby("path")["breast"].nunique()
    unclear = list(breasts.index[breasts > 1])
    kept_rows = spread_out[fits & ~spread_out["path"].isin(unclear)].drop(columns="several").reset_index(drop=True)
    unmatched = dict.fromkeys(spread_out.loc[~fits, "path"])
    aside = [[file, EITHER_BREAST] for file in unclear]
    aside += [[file, OTHER_BREAST.format(side=sides[file])] for file in unmatched if file not in set(kept_rows["path"])]
    count = int((rows["path"].map(lambda pattern: len(matches[pattern])) > 1).sum())
    notes = [f"{count} rows match several files; each file is an image."] if count else []
    return kept_rows, absent, aside, notes


def side_in_header(path: Path) -> str:
    """Return LEFT or RIGHT from the header of a DICOM file; empty where it has neither or cannot be read."""
    return read_header(path).breast or ""
