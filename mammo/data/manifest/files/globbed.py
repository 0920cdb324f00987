"""Rows whose path is a pattern: each file that it matches is an image, of the row for its breast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mammo.data.files.header.header import read_header
from mammo.data.manifest.files.files import match_files

OTHER_BREAST = "its header says {side}, and no row of the manifest is of that breast"

EITHER_BREAST = "rows of both breasts match it, and its header does not say which it shows"


def spread(
    rows: pd.DataFrame, root: Path, side_of: Callable[[Path], str]
) -> tuple[pd.DataFrame, dict[str, str], list[list[str]], list[str]]:
    """One row a file that a row's pattern matches; patterns without one, files that are set aside, and notes.

    A pattern without a file stays as a row's path, once. Where a pattern matches several files, a row that names a
    breast takes those whose header says that breast or none: tables of one row a breast list a woman's images so.
    A file that rows of both breasts would take so is set aside.
    """
    matches = match_files(rows["path"].unique(), root)
    absent = {pattern: f"no file matches {pattern}" for pattern, files in matches.items() if not files}
    rows = rows[~rows["path"].isin(list(absent)) | ~rows["path"].duplicated()]
    files = [matches[pattern] or [pattern] for pattern in rows["path"]]
    several = rows["path"].map(lambda pattern: len(matches[pattern]) > 1)
    spread_out = rows.assign(path=pd.Series(files, index=rows.index), several=several).explode("path")
    named = spread_out["several"] & (spread_out["breast"] != "")
    sides = {file: side_of(root / file) for file in spread_out.loc[named, "path"].unique()}
    said = pd.Series([sides.get(file, "") for file in spread_out["path"]], index=spread_out.index, dtype=str)
    fits = ~named | (said == "") | (said == spread_out["breast"])
    breasts = spread_out[fits & named].groupby("path")["breast"].nunique()
    unclear = list(breasts.index[breasts > 1])
    kept = spread_out[fits & ~spread_out["path"].isin(unclear)].drop(columns="several").reset_index(drop=True)
    left = dict.fromkeys(spread_out.loc[~fits, "path"])
    aside = [[file, EITHER_BREAST] for file in unclear]
    aside += [[file, OTHER_BREAST.format(side=sides[file])] for file in left if file not in set(kept["path"])]
    count = int((rows["path"].map(lambda pattern: len(matches[pattern])) > 1).sum())
    notes = [f"{count} rows match several files; each file is an image."] if count else []
    return kept, absent, aside, notes


def side_in_header(path: Path) -> str:
    """LEFT or RIGHT as a DICOM file's header says; empty where it says neither or cannot be read."""
    return read_header(path).breast or ""
