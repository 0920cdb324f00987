"""Runs for the tools that people track experiments with: MLflow and TensorBoard, each an extra of the package."""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.errors import MammoError
from mammo.progress import Progress, Work
from mammo.results.board.leaderboard import SETTINGS
from mammo.results.exports.card import RESEARCH
from mammo.results.exports.tables import runs_table
from mammo.runs.sweep_files import ABOUT, HISTORY_COLUMNS
from mammo.specs import PROBE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mammo.results.exports.chosen import Chosen
    from mammo.results.exports.shared_home.home import Options
    from mammo.runs.stored_run import StoredRun

DATABASE = "mlflow.db"
AT_ONCE = 1000
"""Figures that MLflow takes at a time."""


def write_mlflow(chosen: Chosen, place: Path, _options: Options) -> Work[None]:
    """Write every run into an MLflow store of its own, an experiment a sweep; runs that it holds already stay.

    Look at it with `mlflow ui --backend-store-uri sqlite:///PLACE/mlflow.db`.
    """
    _refuse_missing("mlflow", "MLflow")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    place.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{place.absolute() / DATABASE}")
    held: dict[str, tuple[str, set[str]]] = {}
    for step, (run, figures) in _told(chosen):
        if run.sweep.id not in held:
            held[run.sweep.id] = _experiment(client, run, place)
        experiment, names = held[run.sweep.id]
        if run.id not in names:
            _log(client, experiment, run, figures, chosen.card(run))
        yield step


def _experiment(client: Any, run: StoredRun, place: Path) -> tuple[str, set[str]]:
    """The experiment of a run's sweep, made where it is not there, and the runs that it holds whole."""
    name = run.sweep.id
    known = client.get_experiment_by_name(name)
    where = (place.absolute() / "artifacts").as_uri()
    experiment = str(known.experiment_id if known else client.create_experiment(name, artifact_location=where))
    client.set_experiment_tag(experiment, "mlflow.note.content", _warning(run))
    whole = client.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=50_000)
    return experiment, {str(one.info.run_name) for one in whole}


def _log(client: Any, experiment: str, run: StoredRun, figures: dict[str, float], card: str) -> None:
    from mlflow.entities import Metric, Param, RunTag

    when = int((run.sweep.folder / ABOUT).stat().st_mtime * 1000)
    made = client.create_run(experiment, start_time=when, run_name=run.id).info.run_id
    metrics = [Metric(name, value, when, 0) for name, value in figures.items()]
    metrics += [Metric(name, value, when, epoch) for epoch, name, value in _course(run)]
    params = [Param(name, str(value)) for name, value in _settings(run).items()]
    tags = [RunTag("mlflow.note.content", _warning(run)), RunTag("dataset", str(run.sweep.about["dataset"]["name"]))]
    client.log_batch(made, params=params, tags=tags)
    for start in range(0, len(metrics), AT_ONCE):
        client.log_batch(made, metrics=metrics[start : start + AT_ONCE])
    client.log_text(made, card, "card.md")
    client.set_terminated(made, end_time=when)


def write_tensorboard(chosen: Chosen, place: Path, _options: Options) -> Work[None]:
    """Write every run as a TensorBoard log: curves by epoch, figures beside settings (HPARAMS), and its card (TEXT).

    Look at it with `tensorboard --logdir PLACE`.
    """
    _refuse_missing("tensorboard", "TensorBoard")
    from torch.utils.tensorboard import SummaryWriter

    for step, (run, figures) in _told(chosen):
        folder = place / run.id
        for earlier in folder.glob("events.*"):
            earlier.unlink()
        with SummaryWriter(str(folder)) as writer:
            for epoch, name, value in _course(run):
                writer.add_scalar(name, value, epoch)
            writer.add_text("card", chosen.card(run))
            writer.add_hparams(_settings(run), figures, run_name=".")
        yield step


def _refuse_missing(package: str, name: str) -> None:
    if find_spec(package) is None:
        raise MammoError(f"{name} is not installed; install it with: pip install 'mammo[{package}]'")


def _told(chosen: Chosen) -> Iterator[tuple[Progress, tuple[StoredRun, dict[str, float]]]]:
    """Every run with its figures: those of validation and test with their intervals, counts and leaks."""
    rows = {row["run"]: row for row in runs_table(chosen.board).to_dict("records")}
    for done, run in enumerate(chosen.runs, start=1):
        named = {str(name): value for name, value in rows[run.id].items() if name not in SETTINGS}
        figures = {name: float(value) for name, value in named.items() if _is_number(value)}
        yield Progress("runs", done, len(rows), "runs"), (run, figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(float(value))


def _settings(run: StoredRun) -> dict[str, Any]:
    """The settings of a run as plain values, those left out that it has none of."""
    told = {name: run.settings.get(name) for name in SETTINGS if name != "run"}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in told.items()}
    return {name: value for name, value in plain.items() if not pd.isna(value)}


def _course(run: StoredRun) -> Iterator[tuple[int, str, float]]:
    """Number, name and value of each figure of a run's epochs, or of the steps of a probe's path."""
    of = "path" if run.settings["optimizer"] == PROBE else "epoch"
    for number, row in enumerate(run.history, start=1):
        for name, value in zip(HISTORY_COLUMNS, row.tolist(), strict=True):
            if math.isfinite(value):
                yield number, f"{of}/{name}", value


def _warning(run: StoredRun) -> str:
    said = [RESEARCH, *(["Synthetic data."] if run.sweep.synthetic else []), f"Weights: {run.weights_note}."]
    return " ".join([*said, *run.sweep.notes])
