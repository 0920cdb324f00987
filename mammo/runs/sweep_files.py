"""The files of a sweep: their names, their required content, and the checks that recognise damaged ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.axes import AXES
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import OUT, PARTS, SPLITS
from mammo.errors import MammoError, first_line
from mammo.specs import check_name
from mammo.storage.digests import digest_file, digest_json, known_digest
from mammo.storage.file_states import FileState, file_state
from mammo.storage.json_files import read_json
from mammo.storage.tables import INTEGER, NUMBER, TEXT, check_columns, check_unique, read_parquet
from mammo.storage.typed import typed

ABOUT = "sweep.json"
RUNS, IMAGES = "runs.parquet", "images.parquet"
LOGITS, PARTS_FILE, HISTORY = "logits.npy", "parts.npy", "history.npy"
HEADS = "heads.safetensors"
OPENED = (RUNS, IMAGES, LOGITS, PARTS_FILE, HISTORY)
"""The files that are read to open a sweep, without `HEADS`, which a read-only home may lack."""
HISTORY_COLUMNS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_auc")
"""The figures of an epoch in `HISTORY`, in the order of its last axis."""
FILES, DIGEST = "files", "digest"
"""The keys of `ABOUT` for the size and SHA-256 of every other file, and for its own; earlier versions lack them."""
IN_MEMORY = {"level", "fuse", "members", "remarks", "temperatures"}
"""Facts of sweeps that are derived in memory from stored ones; no file holds them."""
MOST_ABOUT = 2**28
"""The most bytes of `ABOUT`, enough for about 300,000 heads."""
READ_WHOLE = 2**25
"""The most bytes of a file that opening compares with its digest; larger files are compared on verification only."""


class DatasetFacts(TypedDict):
    """The facts of a sweep's data set."""

    name: str
    synthetic: bool
    source: NotRequired[str]
    notes: NotRequired[list[str]]
    digest: NotRequired[str]
    columns: NotRequired[dict[str, Any]]
    classes: NotRequired[dict[str, str] | None]


class CacheFacts(TypedDict):
    """The facts of a cache of a sweep."""

    weights_note: str
    trunk: str
    weights: str
    tap: str
    kind: str
    size: int
    preprocess: str
    resize: str
    augment: str
    draws: int
    precision: str
    digest: NotRequired[str]
    mean: NotRequired[list[float]]
    std: NotRequired[list[float]]


class SplitSpecFacts(TypedDict):
    """The fields of a split's spec that are read."""

    protocol: str
    seed: int
    redraw: int


class SplitFacts(TypedDict):
    """The facts of a split of a sweep."""

    spec: SplitSpecFacts
    leakage: dict[str, int | None]
    sizes: NotRequired[dict[str, int]]


class StoppedFacts(TypedDict):
    """The number of runs of a stopped sweep, and the number that was planned."""

    runs: int
    of: int


class SpecFacts(TypedDict):
    """The fields of a sweep's spec that are read."""

    caches: list[str]
    heads: list[dict[str, Any]]
    splits: list[dict[str, Any]]


class IdentityFacts(TypedDict):
    """The fields of a sweep's identity that are read."""

    training: NotRequired[int]
    truth: NotRequired[str]


class SweepFileFacts(TypedDict):
    """The size and SHA-256 of a file when it was written."""

    bytes: int
    sha256: str


class SweepFacts(TypedDict):
    """The required and optional content of `ABOUT`."""

    dataset: DatasetFacts
    caches: dict[str, CacheFacts]
    splits: list[SplitFacts]
    spec: NotRequired[SpecFacts]
    identity: NotRequired[IdentityFacts]
    seconds: NotRequired[float | None]
    stopped: NotRequired[StoppedFacts | None]
    files: NotRequired[dict[str, SweepFileFacts]]
    digest: NotRequired[str]


KINDS: dict[type, Any] = {str: TEXT, int: INTEGER, float: NUMBER}
RUN_AXES = {name: axis for name, axis in AXES.items() if axis.since == 1 or axis.absent is not None}
"""The axes that are columns of all runs, or whose value is known for runs of earlier versions."""
RUN_COLUMNS = {
    "run": TEXT,
    "cache": TEXT,
    **{name: KINDS[axis.kind] for name, axis in RUN_AXES.items()},
    **dict.fromkeys(("split", "trained_epochs", "best_epoch"), INTEGER),
    "strength": NUMBER,
}
OF_EARLIER: dict[str, Any] = {
    **{name: axis.absent for name, axis in RUN_AXES.items() if axis.since > 1},
    "strength": np.nan,
}
"""Columns that runs of earlier versions lack, with their values for these runs."""
MAY_BE_MISSING = ("strength",)
"""Columns of runs that have no value for some runs."""
IMAGE_COLUMNS = {"image": TEXT, "patient": TEXT, "label": TEXT}
OPTIONAL_IMAGE_COLUMNS = dict.fromkeys(("breast", "view", "film", "abnormality", "pathology"), TEXT)
LABEL_NAMES = {"benign", "malignant"}


class FileError(Exception):
    """A file of a sweep is damaged or missing."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} {reason}")
        self.file, self.reason = file, reason


@contextmanager
def of_file(file: str) -> Iterator[None]:
    """Turn every error in the block into a `FileError` that names the file."""
    try:
        yield
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(file, "is missing") from None
    except (ValueError, MammoError) as error:
        raise FileError(file, f"is not what was written ({first_line(error)})") from None
    except Exception as error:  # damaged files raise exceptions of many kinds
        raise FileError(file, f"cannot be read ({type(error).__name__}: {first_line(error)})") from None


def read_about(folder: Path) -> dict[str, Any]:
    """The content of `ABOUT`, which callers must not change; raises FileError where it is damaged.

    The last few results are cached in this process until their files change.
    """
    with of_file(ABOUT):
        return _checked_about(folder, file_state(folder / ABOUT))


@functools.lru_cache(maxsize=8)
def _checked_about(folder: Path, _state: FileState | None) -> dict[str, Any]:
    about: dict[str, Any] = typed(read_json(folder / ABOUT, "sweep", MOST_ABOUT), SweepFacts, "sweep")
    if DIGEST in about and about[DIGEST] != _digest_of(about):
        raise ValueError("it does not have the digest it was written with")
    _check_names(about)
    return about


def _check_names(about: Mapping[str, Any]) -> None:
    """Raise MammoError for a name that leads out of the home, and ValueError for names that no facts belong to."""
    check_name(about["dataset"]["name"], "data set")
    for name in about["caches"]:
        check_name(name, "cache")
    if not set(about.get("spec", {}).get("caches", [])) <= set(about["caches"]):
        raise ValueError("it names caches without facts")
    if IN_MEMORY & set(about):
        raise ValueError("it has fields that only sweeps in memory have")
    if not set(about.get(FILES, {})) <= {*OPENED, HEADS}:
        raise ValueError("it names files that no sweep has")


def _digest_of(about: Mapping[str, Any]) -> str:
    return digest_json({name: value for name, value in about.items() if name != DIGEST})


def with_digest(about: Mapping[str, Any], facts: Mapping[str, SweepFileFacts]) -> dict[str, Any]:
    """The content of `ABOUT`: `about` with the sizes and digests of the other files, and with its own digest."""
    content = {**{name: value for name, value in about.items() if name != DIGEST}, FILES: dict(facts)}
    return {**content, DIGEST: _digest_of(content)}


def facts_of(path: Path) -> SweepFileFacts:
    """The size and SHA-256 of a file."""
    return {"bytes": path.stat().st_size, "sha256": digest_file(path)}


def check_digests(folder: Path, about: Mapping[str, Any], files: tuple[str, ...] = OPENED) -> None:
    """Raise FileError where one of `files` differs from its recorded size or digest, if it has a record.

    Of a file larger than `READ_WHOLE` only the size is compared; a digest is computed once until the file changes.
    """
    for file, fact in about.get(FILES, {}).items():
        if file in files:
            compare(folder, file, fact, READ_WHOLE)


def compare(folder: Path, file: str, fact: SweepFileFacts, most: int) -> None:
    """Raise FileError where a file differs from its recorded size or, up to `most` bytes, from its digest."""
    state = file_state(folder / file)
    if state is None:
        raise FileError(file, "is missing")
    if state[0] != fact["bytes"]:
        raise FileError(file, f"has {state[0]} bytes instead of {fact['bytes']}")
    with of_file(file):
        if state[0] <= most and known_digest(folder / file) != fact["sha256"]:
            raise FileError(file, "does not have the digest it was written with")


def read_runs(folder: Path, name: str, about: Mapping[str, Any]) -> pd.DataFrame:
    """The table of the runs of the sweep `name`; raises FileError where it is damaged or does not fit `about`."""
    with of_file(RUNS):
        runs, _ = read_parquet(folder / RUNS)
        for column, usual in OF_EARLIER.items():
            if column not in runs:
                runs[column] = usual
        check_columns(runs, RUN_COLUMNS)
        if runs[[column for column in RUN_COLUMNS if column not in MAY_BE_MISSING]].isna().any(axis=None):
            raise ValueError("lacks settings of a run")
        check_unique(runs, "run")
        if not runs["run"].str.fullmatch(r"[a-z0-9][a-z0-9._-]*\.\d+").all():
            raise ValueError("holds invalid names of runs")
        choices = {"cache": about["caches"], "split": range(len(about["splits"])), "protocol": SPLITS, "labels": LABELS}
        for column, values in choices.items():
            if not runs[column].isin(list(values)).all():
                raise ValueError(f"holds an unknown {column}")
        return _with_ids_of(runs, name)


def _with_ids_of(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The runs with ids that start with the name of the sweep's folder, which may be a copy or have a new name."""
    numbers = runs["run"].str.rpartition(".")
    if (numbers[0] == name).all():
        return runs
    renamed = runs.assign(run=f"{name}." + numbers[2])
    check_unique(renamed, "run")
    return renamed


def read_images(folder: Path) -> pd.DataFrame:
    """The table of the images; raises FileError where it is damaged."""
    with of_file(IMAGES):
        images, _ = read_parquet(folder / IMAGES)
        check_columns(images, IMAGE_COLUMNS)
        check_columns(images, OPTIONAL_IMAGE_COLUMNS, needed=False)
        check_unique(images, "image")
        if not images["label"].isin(LABEL_NAMES).all():
            raise ValueError("holds labels that are neither benign nor malignant")
        return images


def open_array(folder: Path, file: str, shape: tuple[int | None, ...], fits: Callable[[Any], bool]) -> NDArray[Any]:
    """A memory-mapped array; None in `shape` stands for any length. Raises FileError where the file is damaged."""
    with of_file(file):
        if not (folder / file).exists():
            raise FileNotFoundError
        if not (folder / file).is_file():
            raise ValueError("it is no plain file")
        array: NDArray[Any] = np.lib.format.open_memmap(folder / file, mode="r")
        fitting = len(array.shape) == len(shape) and all(
            expected in (None, length) for expected, length in zip(shape, array.shape, strict=True)
        )
        if not fitting:
            expected_shape = " × ".join("any" if length is None else str(length) for length in shape)
            raise ValueError(f"its shape is {array.shape} instead of {expected_shape}")
        if not fits(array):
            raise ValueError("it holds values that are not valid in such a file")
        return array


def are_scores(array: NDArray[Any]) -> bool:
    """Whether an array has floating-point numbers in the byte order of this machine."""
    return array.dtype.kind == "f" and array.dtype.isnative


def are_parts(array: NDArray[Any]) -> bool:
    """Whether an array holds parts of splits only."""
    return array.dtype == np.int8 and bool(np.isin(array, [*PARTS.values(), OUT]).all())
