"""The report from images to tables: what is missing is made once, and what is there is found again."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.errors import MammoError
from mammo.paper import known_weights, open_paper, paper_on, reproduce
from mammo.results.report.comparison import to_json
from mammo.results.report.stated import ROWS
from mammo.runs.sweep import sweeps
from mammo.runs.sweep_files import ABOUT
from mammo.specs import Home
from tests.conftest import PAPER

PROTOCOLS = ["paper", "patient", "official-pooled"]


@pytest.fixture
def own(paper_home, tmp_path):
    """The report in a home of one's own."""
    shutil.copytree(paper_home.path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def report(paper_home):
    return open_paper(paper_home, PAPER).report()


def test_every_row_was_run_under_every_protocol(report):
    assert [one.row for one in report.rows] == list(ROWS)
    assert not report.refused
    for one in report.rows:
        assert list(one.outcomes) == PROTOCOLS
        for protocol, outcome in one.outcomes.items():
            told = [run.settings for run in outcome.runs]
            assert [run["redraw"] for run in told] == [0, 1]
            assert {run["protocol"] for run in told} == {protocol}
            assert {run["trunk"] for run in told} == {PAPER.trunk(one.row.table)}
            for name in ("optimizer", "lr", "pool", "hidden", "finetune", "epochs"):
                assert {run[name] for run in told} == {getattr(PAPER.head(one.row), name)}
            for name in ("preprocess", "resize", "augment", "draws", "tap"):
                assert {run[name] for run in told} == {getattr(PAPER.cache(one.row, "float32"), name)}


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
    for table in (1, 2):
        held = [row for row in rows if row["table"] == table]
        best = max(held, key=lambda row: row["ours"]["auc"])
        assert [row for row in held if row["best"]] == [best] and best["tied_with_best"]


def test_the_augmented_row_by_the_draws_that_trained(report):
    (row,) = [row for row in to_json(report) if "by_draws" in row]
    assert [one["draws"] for one in row["by_draws"]] == [0, 1, 2, 3]
    plain, *_, whole = (one["patient"]["test"]["auc"]["values"] for one in row["by_draws"])
    assert whole == row["protocols"]["patient"]["test"]["draws"]["auc"]["values"]
    assert plain == to_json(report)[4]["protocols"]["patient"]["test"]["draws"]["auc"]["values"]


def test_what_is_there_is_not_made_again(own):
    before = {path: path.stat().st_mtime_ns for path in own.path.rglob("*") if path.is_file()}
    assert list(reproduce(own, PAPER)) == []
    assert {path: path.stat().st_mtime_ns for path in own.path.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_only_what_is_missing_is_made(own):
    lost = next(step.sweep for step in open_paper(own, PAPER).steps if step.rows[0].ratio_kept)
    shutil.rmtree(lost.folder)
    paper = open_paper(own, PAPER)
    assert [row.row for step in paper.missing for row in step.rows] == [9]
    assert paper.estimate().seconds > 0
    assert paper.report().rows[8].outcomes == {} and paper.report().rows[8].ours is None
    assert to_json(paper.report())[8]["ours"]["auc"] is None
    steps = list(reproduce(own, PAPER))
    assert {step.stage for step in steps} == {"train"}
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] <= steps[-1].total
    again = open_paper(own, PAPER)
    assert not again.missing
    np.testing.assert_array_equal(next(s.sweep for s in again.steps if s.rows[0].ratio_kept).logits, lost.logits)


def test_sweeps_stand_without_their_caches_and_on_any_machine(own, monkeypatch):
    monkeypatch.setattr("mammo.paper.fast_precision", lambda: "another")
    assert not open_paper(own, PAPER).missing
    shutil.rmtree(own.features("tiny"))
    assert not open_paper(own, PAPER).missing


def test_sweeps_of_an_earlier_arithmetic_are_shown_and_said_to_be(own, without_digests):
    for sweep in {step.sweep.id: step.sweep for step in open_paper(own, PAPER).steps}.values():
        without_digests(sweep.folder)
        about = json.loads((sweep.folder / ABOUT).read_text())
        about["identity"]["training"] = 2
        (sweep.folder / ABOUT).write_text(json.dumps(about))
    paper = open_paper(own, PAPER)
    assert not paper.missing and "trained by an earlier arithmetic" in paper.note
    assert all(step.sweep.arithmetic == 2 for step in paper.steps)


def test_other_labels_make_old_sweeps_strangers(own):
    known = Dataset.open(own, "tiny")
    images = known.images.copy()
    images.loc[0, "label"] = "benign" if images["label"][0] == "malignant" else "malignant"
    write_dataset(own, "tiny", known.about, images, known.lesions)
    paper = open_paper(own, PAPER)
    assert len(paper.missing) == len(paper.steps)
    assert all(step.cache for step in paper.steps)


@pytest.mark.parametrize("field", ["epochs", "splits", "draws", "seed", "size", "batch"])
def test_other_settings_are_another_report(paper_home, field):
    other = dataclasses.replace(PAPER, **{field: {"splits": 3, "size": 96}.get(field, getattr(PAPER, field) + 1)})
    missing = len(open_paper(paper_home, other).missing)
    assert missing == 1 if field == "draws" else missing == 8


def test_a_set_without_an_official_test_set_has_two_protocols(own):
    known = Dataset.open(own, "tiny")
    write_dataset(own, "tiny", known.about, known.images.assign(split=""), known.lesions)
    paper = open_paper(own, PAPER)
    assert list(paper.splits) == PROTOCOLS[:2]
    assert "no official" in paper.refused["official-pooled"]
    assert len(paper.report().rows) == 15


def test_what_is_taken_where_nothing_is_named(paper_home):
    dataset = Dataset.open(paper_home, "tiny")
    assert paper_on(dataset).trunks == "mini" and paper_on(dataset, "full").weights == ("imagenet", "imagenet")
    assert known_weights(paper_home, dataset, "mini") == [("synthetic", "synthetic")]
    assert "mini trunks" in open_paper(paper_home, PAPER).note.lower()


def test_a_data_set_that_is_none(home):
    with pytest.raises(MammoError, match="no data set 'tiny'"):
        open_paper(home, PAPER)


def test_sweeps_of_the_report_are_sweeps_like_others(paper_home):
    steps = open_paper(paper_home, PAPER).steps
    found = [step.sweep for step in steps]
    assert len({step.cache for step in steps}) == len({one.id for one in found}) == 8
    assert sum(len(one.runs) for one in found) == (15 + 2) * 3 * 2
    assert {one.id for one in found} <= set(sweeps(paper_home))
