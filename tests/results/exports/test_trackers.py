"""Exports for MLflow and TensorBoard, read back with the packages themselves where they are installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mammo.errors import MammoError
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard
from mammo.results.exports.export import export
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import sweeps
from mammo.runs.sweep_files import HISTORY_COLUMNS
from mammo.specs import Home


@pytest.fixture
def best_and_last(demo_home: Home) -> list[str]:
    """The names of the best run and of the last one."""
    return [str(leaderboard(demo_home)["run"].iloc[row]) for row in (0, -1)]


@pytest.mark.parametrize(("form", "name"), [("mlflow", "MLflow"), ("tensorboard", "TensorBoard")])
def test_the_error_gives_the_name_of_a_missing_package(demo_home: Home, tmp_path: Path, form: str, name: str) -> None:
    if find_spec(form):
        pytest.skip(f"{form} is installed")
    with pytest.raises(MammoError, match=rf"^{name} is not installed; install it with: pip install 'mammo\[{form}\]'$"):
        finish(export(demo_home, [], [form], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore")
def test_mlflow_reads_settings_figures_curves_and_card(
    demo_home: Home, tmp_path: Path, best_and_last: list[str]
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    for _ in range(2):  # the second time there is nothing to add
        finish(export(demo_home, best_and_last, ["mlflow"], tmp_path / "out"))
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(sweeps(demo_home)[0])
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == set(best_and_last)
    board = leaderboard(demo_home).set_index("run")
    for name, run in runs.items():
        assert run.data.params["lr"] == str(board.loc[name, "lr"]) and "strength" not in run.data.params
        assert run.data.metrics["test_auc"] == board.loc[name, "test_auc"]
        assert run.data.metrics["test_auc_low"] == board.loc[name, "test_auc_interval"][0]
        assert run.data.metrics["leaked"] == 0 and run.data.metrics["n_test"] == board.loc[name, "n_test"]
        assert "Synthetic data" in run.data.tags["mlflow.note.content"]
        curve = client.get_metric_history(run.info.run_id, "epoch/train_loss")
        losses = [point.value for point in sorted(curve, key=lambda point: point.step)]
        np.testing.assert_allclose(losses, StoredRun.open(demo_home, name).history[:, 0])
        assert [artifact.path for artifact in client.list_artifacts(run.info.run_id)] == ["card.md"]


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_curves_figures_and_card(demo_home: Home, tmp_path: Path, best_and_last: list[str]) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # the second time replaces the first
        finish(export(demo_home, best_and_last, ["tensorboard"], tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(best_and_last)
    for name in best_and_last:
        log = EventAccumulator(str(tmp_path / "out" / name)).Reload()
        assert {f"epoch/{figure}" for figure in HISTORY_COLUMNS} <= set(log.Tags()["scalars"])
        curve = [point.value for point in log.Scalars("epoch/validation_auc")]
        np.testing.assert_allclose(curve, StoredRun.open(demo_home, name).history[:, 4], rtol=1e-6)
        (figure,) = log.Scalars("test_auc")
        assert figure.value == pytest.approx(leaderboard(demo_home).set_index("run").loc[name, "test_auc"])
        assert log.Tags()["tensors"] == ["card/text_summary"]
