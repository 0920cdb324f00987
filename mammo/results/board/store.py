"""Stored leaderboards: files in the home that avoid a new computation, since intervals and ties take seconds.

A board follows from the sweeps and from the code that reads them, and the name of its file is a digest of both. A file
that is deleted costs only the time to compute it again.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.errors import MammoError
from mammo.runs.sweep_files import ABOUT, HISTORY, IMAGES, LOGITS, PARTS_FILE, RUNS
from mammo.statistics.comparing.selection_bias import SelectionBias
from mammo.storage.atomic_files import read_bytes, write_bytes
from mammo.storage.digests import digest_bytes, digest_json
from mammo.storage.file_states import file_state
from mammo.storage.tables import NUMBER, TEXT, check_columns
from mammo.storage.typed import typed

if TYPE_CHECKING:
    from mammo.specs import Home

SOURCES = tuple(Path(__file__).parents[2] / room for room in ("data", "results", "runs", "statistics"))
"""The folders whose code determines a board."""
READ = (ABOUT, RUNS, IMAGES, LOGITS, PARTS_FILE, HISTORY)
MOST = 32
"""The most boards in a home; older ones are deleted."""
INTERVAL, ENDS = "_interval", ("_low", "_high")

MOST_BYTES = 2**28
"""The most bytes of a board."""
COLUMNS = {
    **dict.fromkeys(("run", "sweep", "dataset", "weights_note", "protocol", "labels", "level", "trunk", "pool"), TEXT),
    **dict.fromkeys(
        ("validation_auc", "test_auc", "test_accuracy", "tie_group", "n_validation", "n_test", "threshold", "lr"),
        NUMBER,
    ),
}
"""The columns that every board has, and their types."""


StoredBoard = tuple[pd.DataFrame, list[dict[str, Any]]]


def board_path(home: Home, names: list[str], reading: Any) -> Path | None:
    """The path, without a digest, of the board of the sweeps `names`; None where one of them is not finished.

    `reading` is a JSON value of the options of the board. The path changes with every change of a file of the sweeps,
    damage included, so that only boards of sound sweeps are stored.
    """
    folders = [home.sweep(name) for name in names]
    if not folders or home.leads_out(*folders) or not all((folder / ABOUT).is_file() for folder in folders):
        return None
    states = [[folder.name, [file_state(folder / file) for file in READ]] for folder in folders]
    return home.path / "boards" / f"{digest_json([code_version(), states, reading])[:32]}.parquet"


@cache
def code_version() -> str:
    """A digest of the code that determines a board."""
    files = sorted(file for folder in SOURCES for file in folder.rglob("*.py"))
    return digest_bytes(b"\0".join(file.read_bytes() for file in files))


def load(path: Path) -> StoredBoard | None:
    """The runs and the selection biases that `save` wrote; None where there is no file, or it is damaged."""
    for file in path.parent.glob(f"{path.stem}-*.parquet"):
        with contextlib.suppress(Exception):  # a damaged board is computed again, whatever exception it raises
            content = read_bytes(file, MOST_BYTES)
            if digest_bytes(content)[:32] == file.stem.rpartition("-")[2]:
                return _read(content)
    return None


def is_damaged(file: Path) -> bool:
    """Whether a board is damaged; files of earlier versions, whose names lack a digest, are no longer read."""
    _, dash, digest = file.stem.rpartition("-")
    try:
        return bool(dash) and digest_bytes(read_bytes(file, MOST_BYTES))[:32] != digest
    except OSError:
        return True


def _read(content: bytes) -> StoredBoard:
    board = pd.read_parquet(io.BytesIO(content))
    coded, columns, biases = (board.attrs[name] for name in ("coded", "columns", "meters"))
    decoded = {name: _decoded(board[name]) for name in coded}
    for name in columns:
        if name.endswith(INTERVAL):
            decoded[name] = pd.Series(list(zip(*(board[name + end].tolist() for end in ENDS), strict=True)))
    board.attrs = {}
    runs = board.assign(**decoded)[columns]
    check_columns(runs, COLUMNS)
    for bias in typed(biases, list[dict[str, Any]], "board"):
        _check_bias(bias)
    return runs, biases


def _check_bias(bias: dict[str, Any]) -> None:
    """Raise ValueError where the stored form of a `WinnerBias` is invalid."""
    typed(bias["winner"], str, "winner")
    for measured in filter(None, (bias["everyone"], bias["tied"])):
        numbers = asdict(SelectionBias(**measured)).values()
        if not all(isinstance(number, int | float) for number in numbers):
            raise ValueError("a selection bias holds values that are no numbers")


def save(path: Path, runs: pd.DataFrame, biases: list[dict[str, Any]]) -> None:
    """Write a board; where that is impossible, as in a read-only home, nothing happens."""
    table = runs.copy(deep=False)
    columns = [str(name) for name in runs]
    for name in columns:
        if name.endswith(INTERVAL):
            bounds = np.array(runs[name].tolist(), dtype=float).reshape(-1, 2)
            table = table.drop(columns=name).assign(**{name + end: bounds[:, side] for side, end in enumerate(ENDS)})
    coded = [str(name) for name in table if table[name].dtype == object]
    table = table.assign(**{name: _coded(table[name]) for name in coded})
    table.attrs = {"coded": coded, "meters": biases, "columns": columns}
    with contextlib.suppress(MammoError):
        stream = io.BytesIO()
        table.to_parquet(stream, index=False)
        content = stream.getvalue()
        file = path.with_name(f"{path.stem}-{digest_bytes(content)[:32]}.parquet")
        write_bytes(file, content)
        _delete_old(file)


def _coded(values: pd.Series) -> list[str]:
    return [json.dumps(value, default=lambda number: number.item()) for value in values]


def _decoded(texts: pd.Series) -> pd.Series:
    """The values of JSON texts, as objects; equal texts share one object."""
    values = {text: json.loads(text) for text in texts.unique()}
    return pd.Series([values[text] for text in texts], index=texts.index, dtype=object)


def _delete_old(newest: Path) -> None:
    """Delete all but the newest boards; `newest` stays even if the clock was wrong when the others were written."""
    written = {file: file_state(file) for file in newest.parent.glob("*.parquet") if file != newest}
    ages = sorted(((state[1], file) for file, state in written.items() if state), reverse=True)
    for _, file in ages[MOST - 1 :]:
        file.unlink(missing_ok=True)
