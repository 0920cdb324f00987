"""The report from images to tables: missing runs are trained once, existing runs are used again."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.errors import MammoError
from mammo.paper import open_report_runs, report_spec, reproduce, weights_choices
from mammo.results.report.comparison import to_json
from mammo.results.report.stated import ROWS
from mammo.runs.sweep import sweeps
from mammo.runs.sweep_files import ABOUT
from mammo.specs import Home
from tests.conftest import PAPER

PROTOCOLS = ["paper", "patient", "official-pooled"]


@pytest.fixture
def own(paper_home, tmp_path):
    """A copy of the home with the report, which the test may change."""
    shutil.copytree(paper_home.path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def report(paper_home):
    return open_report_runs(paper_home, PAPER).report()


def test_every_row_was_run_under_every_protocol(report):
    assert [comparison.row for comparison in report.rows] == list(ROWS)
    assert not report.refused
    for comparison in report.rows:
        assert list(comparison.outcomes) == PROTOCOLS
        for protocol, outcome in comparison.outcomes.items():
            settings = [run.settings for run in outcome.runs]
            assert [run["redraw"] for run in settings] == [0, 1]
            assert {run["protocol"] for run in settings} == {protocol}
            assert {run["trunk"] for run in settings} == {PAPER.trunk(comparison.row.table)}
            for name in ("optimizer", "lr", "pool", "hidden", "finetune", "epochs"):
                assert {run[name] for run in settings} == {getattr(PAPER.head(comparison.row), name)}
            for name in ("preprocess", "resize", "augment", "draws", "tap"):
                assert {run[name] for run in settings} == {getattr(PAPER.cache(comparison.row, "float32"), name)}


def test_rows_as_json(report):
    rows = to_json(report)
    assert [(row["table"], row["row"]) for row in rows] == [(row.table, row.row) for row in ROWS]
    assert rows[0]["reported"]["auc"] is None and rows[0]["ours"]["auc"] is not None
    assert [row["row"] for row in rows if row["reported"]["best"]] == [5, 4]
    assert (rows[4]["reported"]["mean_test_accuracy"], rows[4]["reported"]["mean_test_auc"]) == (0.686, 0.737)
    for row in rows:
        ours, low, high = row["ours"], *row["ours"]["auc_interval"]
        assert 0 <= low <= ours["auc"] <= high <= 1 and ours["n"] == 14
        assert {key: value for key, value in row["protocols"]["paper"]["validation"].items() if key in ours} == ours
        assert row["protocols"]["patient"]["validation"]["leaked"] == 0
        assert row["synthetic"] is True and "synthetic" in row["weights_note"]
        gain = [np.mean(row["protocols"][name]["test"]["draws"]["auc"]["values"]) for name in PROTOCOLS[:2]]
        assert row["inflation"]["test"]["auc"] == pytest.approx(gain[0] - gain[1], abs=1e-12)
    for number in (1, 2):
        table = [row for row in rows if row["table"] == number]
        best = max(table, key=lambda row: row["ours"]["auc"])
        assert [row for row in table if row["best"]] == [best] and best["tied_with_best"]


def test_the_augmented_row_has_outcomes_by_number_of_draws(report):
    (row,) = [row for row in to_json(report) if "by_draws" in row]
    assert [point["draws"] for point in row["by_draws"]] == [0, 1, 2, 3]
    plain, *_, all_draws = (point["patient"]["test"]["auc"]["values"] for point in row["by_draws"])
    assert all_draws == row["protocols"]["patient"]["test"]["draws"]["auc"]["values"]
    assert plain == to_json(report)[4]["protocols"]["patient"]["test"]["draws"]["auc"]["values"]


def test_existing_runs_are_not_trained_again(own):
    before = {path: path.stat().st_mtime_ns for path in own.path.rglob("*") if path.is_file()}
    assert list(reproduce(own, PAPER)) == []
    assert {path: path.stat().st_mtime_ns for path in own.path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_only_missing_runs_are_trained(own):
    lost = next(step.sweep for step in open_report_runs(own, PAPER).steps if step.rows[0].ratio_kept)
    shutil.rmtree(lost.folder)
    paper = open_report_runs(own, PAPER)
    assert [row.row for step in paper.missing for row in step.rows] == [9]
    assert paper.estimate().seconds > 0
    assert paper.report().rows[8].outcomes == {} and paper.report().rows[8].ours is None
    assert to_json(paper.report())[8]["ours"]["auc"] is None
    steps = list(reproduce(own, PAPER))
    assert {step.stage for step in steps} == {"train"}
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] <= steps[-1].total
    again = open_report_runs(own, PAPER)
    assert not again.missing
    np.testing.assert_array_equal(next(s.sweep for s in again.steps if s.rows[0].ratio_kept).logits, lost.logits)


def test_sweeps_are_found_without_their_caches_and_on_any_machine(own, monkeypatch):
    monkeypatch.setattr("mammo.paper.fast_precision", lambda: "another")
    assert not open_report_runs(own, PAPER).missing
    shutil.rmtree(own.features("tiny"))
    assert not open_report_runs(own, PAPER).missing


def test_sweeps_of_an_earlier_arithmetic_are_shown_with_a_note(own, without_digests):
    for sweep in {step.sweep.id: step.sweep for step in open_report_runs(own, PAPER).steps}.values():
        without_digests(sweep.folder)
        about = json.loads((sweep.folder / ABOUT).read_text())
        about["identity"]["training"] = 2
        (sweep.folder / ABOUT).write_text(json.dumps(about))
    paper = open_report_runs(own, PAPER)
    assert not paper.missing and "trained by an earlier arithmetic" in paper.note
    assert all(step.sweep.arithmetic == 2 for step in paper.steps)


def test_old_sweeps_do_not_count_once_labels_change(own):
    dataset = Dataset.open(own, "tiny")
    images = dataset.images.copy()
    images.loc[0, "label"] = "benign" if images["label"][0] == "malignant" else "malignant"
    write_dataset(own, "tiny", dataset.about, images, dataset.lesions)
    paper = open_report_runs(own, PAPER)
    assert len(paper.missing) == len(paper.steps)
    assert all(step.cache for step in paper.steps)


@pytest.mark.parametrize("field", ["epochs", "splits", "draws", "seed", "size", "batch"])
def test_changed_settings_are_another_report(paper_home, field):
    changed = dataclasses.replace(PAPER, **{field: {"splits": 3, "size": 96}.get(field, getattr(PAPER, field) + 1)})
    missing = len(open_report_runs(paper_home, changed).missing)
    assert missing == 1 if field == "draws" else missing == 8


def test_a_set_without_an_official_test_set_has_two_protocols(own):
    dataset = Dataset.open(own, "tiny")
    write_dataset(own, "tiny", dataset.about, dataset.images.assign(split=""), dataset.lesions)
    paper = open_report_runs(own, PAPER)
    assert list(paper.splits) == PROTOCOLS[:2]
    assert "no official" in paper.refused["official-pooled"]
    assert len(paper.report().rows) == 15


def test_default_trunks_and_weights(paper_home):
    dataset = Dataset.open(paper_home, "tiny")
    assert report_spec(dataset).trunks == "mini" and report_spec(dataset, "full").weights == ("imagenet", "imagenet")
    assert weights_choices(paper_home, dataset, "mini") == [("synthetic", "synthetic")]
    assert "mini trunks" in open_report_runs(paper_home, PAPER).note.lower()


def test_a_missing_data_set_is_refused(home):
    with pytest.raises(MammoError, match="no data set 'tiny'"):
        open_report_runs(home, PAPER)


def test_sweeps_of_the_report_are_ordinary_sweeps(paper_home):
    steps = open_report_runs(paper_home, PAPER).steps
    stored = [step.sweep for step in steps]
    assert len({step.cache for step in steps}) == len({sweep.id for sweep in stored}) == 8
    assert sum(len(sweep.runs) for sweep in stored) == (15 + 2) * 3 * 2
    assert {sweep.id for sweep in stored} <= set(sweeps(paper_home))
