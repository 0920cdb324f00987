"""Runs for two experiment trackers, MLflow and TensorBoard; each is an extra of the package."""

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

    from mammo.results.exports.selection import Selection
    from mammo.results.exports.shared_home.home import ShareOptions
    from mammo.runs.stored_run import StoredRun

DATABASE = "mlflow.db"
BATCH = 1000
"""The most figures that MLflow accepts in one call."""


def write_mlflow(selection: Selection, folder: Path, _options: ShareOptions) -> Work[None]:
    """Write the runs into an MLflow store in `folder`, one experiment for each sweep; runs that are there stay.

    Look at it with `mlflow ui --backend-store-uri sqlite:///PLACE/mlflow.db`.
    """
    _refuse_missing("mlflow", "MLflow")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder.absolute() / DATABASE}")
    experiments: dict[str, tuple[str, set[str]]] = {}
    for step, (run, figures) in _figures_of_runs(selection):
        if run.sweep.id not in experiments:
            experiments[run.sweep.id] = _experiment(client, run, folder)
        experiment, names = experiments[run.sweep.id]
        if run.id not in names:
            _log(client, experiment, run, figures, selection.card(run))
        yield step


def _experiment(client: Any, run: StoredRun, folder: Path) -> tuple[str, set[str]]:
    """Return the experiment of a run's sweep, created where needed, and the names of its finished runs."""
    name = run.sweep.id
    existing = client.get_experiment_by_name(name)
    artifacts = (folder.absolute() / "artifacts").as_uri()
    experiment = str(
        existing.experiment_id if existing else client.create_experiment(name, artifact_location=artifacts)
    )
    client.set_experiment_tag(experiment, "mlflow.note.content", _warning(run))
    finished = client.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=50_000)
    return experiment, {str(run.info.run_name) for run in finished}


def _log(client: Any, experiment: str, run: StoredRun, figures: dict[str, float], card: str) -> None:
    from mlflow.entities import Metric, Param, RunTag

    time = int((run.sweep.folder / ABOUT).stat().st_mtime * 1000)
    run_id = client.create_run(experiment, start_time=time, run_name=run.id).info.run_id
    metrics = [Metric(name, value, time, 0) for name, value in figures.items()]
    metrics += [Metric(name, value, time, epoch) for epoch, name, value in _history(run)]
    params = [Param(name, str(value)) for name, value in _settings(run).items()]
    tags = [RunTag("mlflow.note.content", _warning(run)), RunTag("dataset", str(run.sweep.about["dataset"]["name"]))]
    client.log_batch(run_id, params=params, tags=tags)
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])
    client.log_text(run_id, card, "card.md")
    client.set_terminated(run_id, end_time=time)


def write_tensorboard(selection: Selection, folder: Path, _options: ShareOptions) -> Work[None]:
    """Write each run as a TensorBoard log: curves by epoch, figures and settings (HPARAMS), and its card (TEXT).

    Look at it with `tensorboard --logdir PLACE`.
    """
    _refuse_missing("tensorboard", "TensorBoard")
    from torch.utils.tensorboard import SummaryWriter

    for step, (run, figures) in _figures_of_runs(selection):
        folder = folder / run.id
        for earlier in folder.glob("events.*"):
            earlier.unlink()
        with SummaryWriter(str(folder)) as writer:
            for epoch, name, value in _history(run):
                writer.add_scalar(name, value, epoch)
            writer.add_text("card", selection.card(run))
            writer.add_hparams(_settings(run), figures, run_name=".")
        yield step


def _refuse_missing(package: str, name: str) -> None:
    if find_spec(package) is None:
        raise MammoError(f"{name} is not installed; install it with: pip install 'mammo[{package}]'")


def _figures_of_runs(selection: Selection) -> Iterator[tuple[Progress, tuple[StoredRun, dict[str, float]]]]:
    """Yield the progress, and each run with its numeric columns of the leaderboard that are no settings."""
    rows = {row["run"]: row for row in runs_table(selection.board).to_dict("records")}
    for done, run in enumerate(selection.runs, start=1):
        columns = {str(name): value for name, value in rows[run.id].items() if name not in SETTINGS}
        figures = {name: float(value) for name, value in columns.items() if _is_number(value)}
        yield Progress("runs", done, len(rows), "runs"), (run, figures)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(float(value))


def _settings(run: StoredRun) -> dict[str, Any]:
    """The settings of a run as plain values; missing ones are left out."""
    settings = {name: run.settings.get(name) for name in SETTINGS if name != "run"}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}
    return {name: value for name, value in plain.items() if not pd.isna(value)}


def _history(run: StoredRun) -> Iterator[tuple[int, str, float]]:
    """Yield number, name and value of each figure of a run's epochs, or of the steps of a probe's path."""
    prefix = "path" if run.settings["optimizer"] == PROBE else "epoch"
    for number, row in enumerate(run.history, start=1):
        for name, value in zip(HISTORY_COLUMNS, row.tolist(), strict=True):
            if math.isfinite(value):
                yield number, f"{prefix}/{name}", value


def _warning(run: StoredRun) -> str:
    sentences = [RESEARCH, *(["Synthetic data."] if run.sweep.synthetic else []), f"Weights: {run.weights_note}."]
    return " ".join([*sentences, *run.sweep.notes])
