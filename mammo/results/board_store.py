"""Leaderboards that were read before: kept beside the sweeps, since intervals and ties of many runs take seconds.

What is kept follows from the sweeps and from the code that reads them, and a board's file is named by both; deleting it
costs only time.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.errors import MammoError
from mammo.files import digest_bytes, digest_json, whole_file
from mammo.results.sweep import ABOUT, IMAGES, LOGITS, PARTS_FILE, RUNS

if TYPE_CHECKING:
    from mammo.specs import Home

SOURCES = (Path(__file__).parent, Path(__file__).parents[1] / "data")
"""The folders whose code decides what a board says."""
READ = (ABOUT, RUNS, IMAGES, LOGITS, PARTS_FILE)
MOST = 32
"""How many boards of a home are kept, the newest."""
INTERVAL, ENDS = "_interval", ("_low", "_high")

Held = tuple[pd.DataFrame, list[dict[str, Any]]]


def place(home: Home, names: list[str], asked: Any) -> Path | None:
    """The file that holds the board of the sweeps `names` read as `asked`; None where one of them is not finished."""
    folders = [home.sweep(name) for name in names]
    if not folders or not all((folder / ABOUT).is_file() for folder in folders):
        return None
    held = [[folder.name, [_state(folder / file) for file in READ]] for folder in folders]
    return home.path / "boards" / f"{digest_json([code_version(), held, asked])[:32]}.parquet"


def _state(path: Path) -> list[int]:
    """What changes when a file is written anew: finished sweeps are never altered in place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return []
    return [found.st_size, found.st_mtime_ns]


@cache
def code_version() -> str:
    """A digest of the code that decides what a board says."""
    files = sorted(file for folder in SOURCES for file in folder.rglob("*.py"))
    return digest_bytes(b"\0".join(file.read_bytes() for file in files))


def recall(path: Path) -> Held | None:
    """The runs and the meters that `remember` kept; None where there are none that can be read."""
    try:
        board = pd.read_parquet(path)
        coded, columns, meters = (board.attrs[name] for name in ("coded", "columns", "meters"))
        made = {name: _decoded(board[name]) for name in coded}
        for name in columns:
            if name.endswith(INTERVAL):
                made[name] = pd.Series(list(zip(*(board[name + end].tolist() for end in ENDS), strict=True)))
        board.attrs = {}
        return board.assign(**made)[columns], meters
    except (OSError, ValueError, KeyError):
        return None


def remember(path: Path, runs: pd.DataFrame, meters: list[dict[str, Any]]) -> None:
    """Keep a board; where nothing can be written, as in a home shared for reading, nothing is kept."""
    kept = runs.copy(deep=False)
    columns = [str(name) for name in runs]
    for name in columns:
        if name.endswith(INTERVAL):
            bounds = np.array(runs[name].tolist(), dtype=float).reshape(-1, 2)
            kept = kept.drop(columns=name).assign(**{name + end: bounds[:, side] for side, end in enumerate(ENDS)})
    coded = [str(name) for name in kept if kept[name].dtype == object]
    kept = kept.assign(**{name: _coded(kept[name]) for name in coded})
    kept.attrs = {"coded": coded, "meters": meters, "columns": columns}
    with contextlib.suppress(MammoError):
        with whole_file(path) as stream:
            kept.to_parquet(stream, index=False)
        _forget_old(path.parent)


def _coded(values: pd.Series) -> list[str]:
    return [json.dumps(value, default=lambda number: number.item()) for value in values]


def _decoded(texts: pd.Series) -> pd.Series:
    """The values of texts, equal texts the same object; kept as objects, whatever they are."""
    known = {text: json.loads(text) for text in texts.unique()}
    return pd.Series([known[text] for text in texts], index=texts.index, dtype=object)


def _forget_old(folder: Path) -> None:
    files = sorted(folder.glob("*.parquet"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MOST:]:
        file.unlink(missing_ok=True)
