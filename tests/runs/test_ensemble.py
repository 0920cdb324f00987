from dataclasses import replace

import numpy as np
import pytest

from mammo.commands.leaderboard import text_of
from mammo.data.splits.protocols import TEST, TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.results.board.leaderboard import leaderboard, ranked, to_json
from mammo.results.setting_words import short_names
from mammo.runs.ensemble import ensemble, single_run
from mammo.runs.run_names import RunName
from mammo.runs.stored_run import StoredRun
from mammo.statistics.calibration import temperature
from mammo.statistics.metrics import auc, probability


@pytest.fixture
def two(demo_home):
    """The two best runs of the demo that differ in their trunk."""
    board = leaderboard(demo_home)
    return [board.loc[board["trunk"] == trunk, "run"].iloc[0] for trunk in ("vgg16-mini", "resnet50-mini")]


def test_an_ensemble_is_the_mean_of_calibrated_probabilities(demo_home, two):
    name = str(RunName(tuple(two)))
    run = StoredRun.open(demo_home, name)
    singles = [StoredRun.open(demo_home, single) for single in two]
    temperatures = [
        temperature(single.scored("validation").labels, single.scored("validation").logits) for single in singles
    ]
    assert run.sweep.about["temperatures"] == temperatures and run.id == name
    calibrated = [single.scored("test").logits / fitted for single, fitted in zip(singles, temperatures, strict=True)]
    means = np.mean([probability(logits) for logits in calibrated], axis=0)
    np.testing.assert_allclose(probability(run.scored("test").logits), means, atol=1e-12)
    by_logit = StoredRun.open(demo_home, name + "@mean-logit")
    np.testing.assert_allclose(by_logit.scored("test").logits, np.mean(calibrated, axis=0), rtol=1e-6)


def test_an_ensemble_is_a_row_with_its_own_interval(demo_home, two):
    name = str(RunName(tuple(two)))
    board = leaderboard(demo_home, ensembles=[name])
    row = board[board["run"] == name].iloc[0]
    scored = StoredRun.open(demo_home, name).scored("test")
    assert row["test_auc"] == scored.value(auc) and row["members"] == 2 and row["n_test"] == np.size(scored.labels)
    assert row["test_auc_interval"][0] < row["test_auc"] < row["test_auc_interval"][1]
    json_row = next(listed for listed in to_json(board) if listed["run"] == name)
    assert (json_row["trunk"], json_row["weights"], json_row["hidden"]) == ("several", "synthetic", 0)
    assert json_row["level"] == "image" and json_row["fuse"] is None
    assert {type(listed["hidden"]) for listed in to_json(board)} == {int}
    assert short_names(board)[name].startswith("ensemble of 2")


def test_an_ensemble_can_be_read_by_breast(demo_home, two):
    name = str(RunName(tuple(two), level="breast", fuse="max"))
    board = leaderboard(demo_home, level="breast", fuse=["max"], ensembles=[str(RunName(tuple(two)))])
    row = board[board["run"] == name].iloc[0]
    assert row["test_auc"] == StoredRun.open(demo_home, name).scored("test").value(auc)
    assert row["level"] == "breast" and row["members"] == 2


def test_runs_of_different_test_sets_make_no_ensemble(demo_home, two):
    first, second = (single_run(StoredRun.open(demo_home, run).sweep, run) for run in two)
    moved = replace(second, parts=np.roll(second.parts, 1, axis=1))
    with pytest.raises(MammoError, match="make no ensemble: they have other test sets"):
        ensemble([first, moved], "mean")
    relabelled = replace(second, images=second.images.assign(label=second.images["label"].to_numpy()[::-1]))
    with pytest.raises(MammoError, match="make no ensemble"):
        ensemble([first, relabelled], "mean")


def redrawn(sweep, run, roll):
    """A sweep of one run with another draw of train and validation."""
    parts = np.array(sweep.parts)
    train_and_validation = np.flatnonzero(parts[0] != TEST)
    parts[0, train_and_validation] = np.roll(parts[0, train_and_validation], roll)
    runs = sweep.runs.assign(run=run, redraw=roll)
    return replace(sweep, id=run.rpartition(".")[0], runs=runs, parts=parts)


def test_redraws_with_one_test_set_are_fused_for_the_test_figure(demo_home, two):
    single = single_run(StoredRun.open(demo_home, two[0]).sweep, two[0])
    size = int((single.parts == VALIDATION).sum())
    members = [redrawn(single, f"other.{number}", number * size) for number in range(5)]
    members = [
        replace(member, logits=member.logits * np.float32(1 + 0.3 * number)) for number, member in enumerate(members)
    ]
    together = ensemble(members, "mean-logit")
    temperatures = [temperature(*labels_and_logits(member, "validation")) for member in members]
    assert together.about["temperatures"] == temperatures and len(set(temperatures)) > 3
    board = ranked([together])
    row = to_json(board)[0]
    labels, _ = labels_and_logits(single, "test")
    logits = np.mean(
        [labels_and_logits(member, "test")[1] / fitted for member, fitted in zip(members, temperatures, strict=True)],
        axis=0,
    )
    assert row["test_auc"] == pytest.approx(float(auc(labels, logits)), abs=1e-9) and row["n_test"] == len(labels)
    assert row["n_validation"] == 0 and row["validation_auc"] is None and row["validation_accuracy"] is None
    assert any("trained on one another's validation images" in note for note in row["notes"])
    assert row["redraw"] is None
    facts = together.about["splits"][0]
    assert facts["sizes"]["validation"] == 0 and facts["sizes"]["train"] == int((single.parts != TEST).sum())
    assert facts["leakage"]["patients"] is not None
    assert "several" in text_of([row]) and "no validation figures" in text_of([row])


def test_a_member_whose_train_holds_patients_of_the_test_set_leaks_into_the_ensemble(demo_home, two):
    single = single_run(StoredRun.open(demo_home, two[0]).sweep, two[0])
    redraw = redrawn(single, "other.1", 9)
    patients = single.images["patient"].to_numpy(copy=True)
    test, train = (np.flatnonzero(single.parts[0] == part) for part in (TEST, TRAIN))
    patients[test[:3]] = patients[train[0]]
    members = [replace(member, images=member.images.assign(patient=patients)) for member in (single, redraw)]
    together = ensemble(members, "mean")
    assert together.about["splits"][0]["leakage"]["test_images_with_patient_in_train"] >= 3
    assert StoredRun(together, 0).scored("test").leaked >= 3


def labels_and_logits(sweep, part):
    rows = sweep.members(0, part)
    return sweep.labels[rows], sweep.logits[0][rows].astype(float)


def test_a_member_with_a_temperature_at_a_bound_is_named(demo_home, two):
    first, second = (single_run(StoredRun.open(demo_home, run).sweep, run) for run in two)
    together = ensemble([first, replace(second, logits=-second.logits)], "mean")
    assert any(f"temperature of {two[1]} is at its upper bound" in note for note in together.notes)
    assert not ensemble([first, second], "mean").about["remarks"]


NAMES = {
    "s.3": RunName(("s.3",)),
    "s.3+7": RunName(("s.3", "s.7")),
    "a.b-1.3+7+c.2+9": RunName(("a.b-1.3", "a.b-1.7", "c.2", "c.9")),
    "s.3+7@mean-logit": RunName(("s.3", "s.7"), "mean-logit"),
    "s.3@breast-noisy-or": RunName(("s.3",), level="breast", fuse="noisy-or"),
    "s.3+7@max@patient-mean-logit": RunName(("s.3", "s.7"), "max", "patient", "mean-logit"),
}


@pytest.mark.parametrize("text", NAMES)
def test_names_go_to_text_and_back(text):
    assert RunName.parse(text) == NAMES[text] and str(NAMES[text]) == text


def test_an_address_may_turn_plus_into_a_space_and_a_run_counts_once():
    assert str(RunName.parse("s.3 7+s.3")) == "s.3+7"


@pytest.mark.parametrize("text", ["", "s", "3", "s.3+", "s.3+x", "s.3@", "s.3@lesion-max", "s.3@breast-median", "@"])
def test_a_text_that_names_no_run_is_refused(text):
    with pytest.raises(MammoError):
        RunName.parse(text)
