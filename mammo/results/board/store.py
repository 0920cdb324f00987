"""Leaderboards that were read before: kept beside the sweeps, since intervals and ties of many runs take seconds.

What is kept follows from the sweeps and from the code that reads them, and a board's file is named by both; deleting it
costs only time.
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
"""The folders whose code decides what a board says."""
READ = (ABOUT, RUNS, IMAGES, LOGITS, PARTS_FILE, HISTORY)
MOST = 32
"""How many boards of a home are kept, the newest."""
INTERVAL, ENDS = "_interval", ("_low", "_high")

MOST_BYTES = 2**28
"""Bytes that a board has at most."""
COLUMNS = {
    **dict.fromkeys(("run", "sweep", "dataset", "weights_note", "protocol", "labels", "level", "trunk", "pool"), TEXT),
    **dict.fromkeys(
        ("validation_auc", "test_auc", "test_accuracy", "tie_group", "n_validation", "n_test", "threshold", "lr"),
        NUMBER,
    ),
}
"""Columns that every board has, and what they hold."""


Held = tuple[pd.DataFrame, list[dict[str, Any]]]


def board_path(home: Home, names: list[str], asked: Any) -> Path | None:
    """What the board of the sweeps `names` read as `asked` is kept under; None where one of them is not finished.

    It changes with every change of a file of theirs, damage included: boards are kept of sound sweeps alone.
    """
    folders = [home.sweep(name) for name in names]
    if not folders or home.leads_out(*folders) or not all((folder / ABOUT).is_file() for folder in folders):
        return None
    states = [[folder.name, [file_state(folder / file) for file in READ]] for folder in folders]
    return home.path / "boards" / f"{digest_json([code_version(), states, asked])[:32]}.parquet"


@cache
def code_version() -> str:
    """A digest of the code that decides what a board says."""
    files = sorted(file for folder in SOURCES for file in folder.rglob("*.py"))
    return digest_bytes(b"\0".join(file.read_bytes() for file in files))


def load(path: Path) -> Held | None:
    """The runs and the meters that `save` kept; None where there are none, or they are not what was written."""
    for file in path.parent.glob(f"{path.stem}-*.parquet"):
        with contextlib.suppress(Exception):  # a damaged board is computed anew, whatever its library raises
            content = read_bytes(file, MOST_BYTES)
            if digest_bytes(content)[:32] == file.stem.rpartition("-")[2]:
                return _read(content)
    return None


def is_damaged(file: Path) -> bool:
    """Whether a board is not what was written; those of earlier versions, named without a digest, are read no more."""
    _, dash, digest = file.stem.rpartition("-")
    try:
        return bool(dash) and digest_bytes(read_bytes(file, MOST_BYTES))[:32] != digest
    except OSError:
        return True


def _read(content: bytes) -> Held:
    board = pd.read_parquet(io.BytesIO(content))
    coded, columns, meters = (board.attrs[name] for name in ("coded", "columns", "meters"))
    decoded = {name: _decoded(board[name]) for name in coded}
    for name in columns:
        if name.endswith(INTERVAL):
            decoded[name] = pd.Series(list(zip(*(board[name + end].tolist() for end in ENDS), strict=True)))
    board.attrs = {}
    runs = board.assign(**decoded)[columns]
    check_columns(runs, COLUMNS)
    for meter in typed(meters, list[dict[str, Any]], "board"):
        _check_meter(meter)
    return runs, meters


def _check_meter(meter: dict[str, Any]) -> None:
    """Raise ValueError where a meter is none."""
    typed(meter["winner"], str, "winner")
    for measured in filter(None, (meter["everyone"], meter["tied"])):
        numbers = asdict(SelectionBias(**measured)).values()
        if not all(isinstance(number, int | float) for number in numbers):
            raise ValueError("a meter holds other than numbers")


def save(path: Path, runs: pd.DataFrame, meters: list[dict[str, Any]]) -> None:
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
        stream = io.BytesIO()
        kept.to_parquet(stream, index=False)
        content = stream.getvalue()
        file = path.with_name(f"{path.stem}-{digest_bytes(content)[:32]}.parquet")
        write_bytes(file, content)
        _forget_old(file)


def _coded(values: pd.Series) -> list[str]:
    return [json.dumps(value, default=lambda number: number.item()) for value in values]


def _decoded(texts: pd.Series) -> pd.Series:
    """The values of texts, equal texts the same object; kept as objects, whatever they are."""
    known = {text: json.loads(text) for text in texts.unique()}
    return pd.Series([known[text] for text in texts], index=texts.index, dtype=object)


def _forget_old(newest: Path) -> None:
    """Leave the newest boards, whatever the clock said when the others were written."""
    written = {file: file_state(file) for file in newest.parent.glob("*.parquet") if file != newest}
    ages = sorted(((state[1], file) for file, state in written.items() if state), reverse=True)
    for _, file in ages[MOST - 1 :]:
        file.unlink(missing_ok=True)
