import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mammo.data.splits.protocols import PARTS
from mammo.errors import MammoError
from mammo.results import comparison
from mammo.results.board.leaderboard import leaderboard
from mammo.results.comparison import TESTS, Difference, SharedImages, differences, p_words, shared_images, verdict
from mammo.runs.stored_run import stored_runs
from mammo.runs.sweep import Sweep
from mammo.statistics.comparing.flips import flips
from mammo.statistics.comparing.holm import holm
from mammo.statistics.comparing.ties import paired_p_values
from mammo.statistics.few import lack_of
from mammo.statistics.intervals.delong import components


@pytest.fixture
def three(demo_home):
    """Three runs of the demo: the best, one in the middle, and the last."""
    board = leaderboard(demo_home)
    return stored_runs(demo_home, board["run"].iloc[[0, 11, 23]])


def test_every_pair_is_tested_on_the_images_of_all(three):
    shared = shared_images(three, "test")
    assert shared.left_out == (0, 0, 0)
    assert shared.labels.size == len(three[0].images("test"))
    pairs = differences(shared, [0.0, 0.0, 0.0])
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    aucs = [roc_auc_score(shared.labels, logits) for logits in shared.logits]
    parts = components(shared.labels, shared.logits, shared.patients)
    for pair in pairs:
        assert pair.value == pytest.approx(aucs[pair.first] - aucs[pair.second], abs=1e-12)
        assert pair.delong.p_value == pytest.approx(paired_p_values(parts, pair.second)[pair.first])
        for test in (pair.delong, pair.bootstrap):
            assert test.interval[0] <= pair.value <= test.interval[1]
            assert (test.p_value < 0.05) == (not test.interval[0] <= 0 <= test.interval[1])
        assert pair.bootstrap.interval == pytest.approx(pair.delong.interval, abs=0.06)
    assert [pair.delong.corrected for pair in pairs] == holm([pair.delong.p_value for pair in pairs]).tolist()


def test_flips_are_counted_at_each_runs_own_threshold(three):
    shared = shared_images(three, "test")
    thresholds = [0.0, 0.3, -0.2]
    correct = [
        (run > threshold) == (shared.labels == 1) for run, threshold in zip(shared.logits, thresholds, strict=True)
    ]
    for pair in differences(shared, thresholds):
        assert pair.flips == flips(correct[pair.first], correct[pair.second], shared.patients)


def changed(run, **fields):
    """The run in its sweep with other values of some fields."""
    sweep = run.sweep
    unchanged = {name: getattr(sweep, name) for name in Sweep.__dataclass_fields__}
    return type(run)(Sweep(**{**unchanged, **fields}), run.row)


def test_runs_of_different_splits_are_compared_on_their_common_images(three):
    parts = np.array(three[1].sweep.parts)
    moved = np.flatnonzero(parts[0] == PARTS["test"])[:3]
    parts[0, moved] = PARTS["train"]
    with_moved = changed(three[1], parts=parts)
    shared = shared_images([three[0], with_moved], "test")
    assert shared.left_out == (3, 0)
    common = np.setdiff1d(np.flatnonzero(three[0].sweep.parts[0] == PARTS["test"]), moved)
    np.testing.assert_array_equal(shared.logits[1], three[1].sweep.logits[three[1].row][common])
    np.testing.assert_array_equal(shared.labels, three[0].sweep.labels[common])


def test_images_are_matched_by_name_in_any_order(three):
    order = np.random.default_rng(0).permutation(len(three[0].sweep.images))
    sweep = three[1].sweep
    logits, parts = np.array(sweep.logits)[:, order], np.array(sweep.parts)[:, order]
    shuffled = changed(three[1], images=sweep.images.iloc[order], logits=logits, parts=parts)
    for reordered, original in zip(
        vars(shared_images([three[0], shuffled], "test")).values(),
        vars(shared_images(three[:2], "test")).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(reordered, original)


def test_runs_that_cannot_be_compared_are_refused(three):
    with pytest.raises(MammoError, match="at least two"):
        shared_images([three[0], three[0]], "test")
    about = {**three[1].sweep.about, "dataset": {**three[1].sweep.about["dataset"], "name": "other"}}
    with pytest.raises(MammoError, match="different data sets"):
        shared_images([three[0], changed(three[1], about=about)], "test")
    by_breast = changed(three[1], about={**three[1].sweep.about, "level": "breast"})
    with pytest.raises(MammoError, match="different levels"):
        shared_images([three[0], by_breast], "test")
    images = three[1].sweep.images
    with pytest.raises(MammoError, match="share none"):
        shared_images([three[0], changed(three[1], images=images.assign(image="x" + images["image"]))], "test")
    swapped = images.assign(label=images["label"].map({"benign": "malignant", "malignant": "benign"}))
    with pytest.raises(MammoError, match="disagree on the truth"):
        shared_images([three[0], changed(three[1], images=swapped)], "test")
    parts = np.zeros_like(three[1].sweep.parts)
    parts[0, np.flatnonzero(three[0].sweep.parts[0] == PARTS["test"])[0]] = PARTS["test"]
    with pytest.raises(MammoError, match=r"None of the 1 test images .* is (malignant|benign), so they have no AUC"):
        shared_images([three[0], changed(three[1], parts=parts)], "test")


def test_few_patients_leave_a_difference_without_test(three):
    shared = shared_images(three, "test")
    rows = np.flatnonzero(shared.labels == 0).tolist() + np.flatnonzero(shared.labels == 1)[:2].tolist()
    few = SharedImages(shared.labels[rows], shared.patients[rows], shared.logits[:, rows], shared.left_out)
    malignant = np.unique(few.patients[few.labels == 1]).size
    for pair in differences(few, [0.0] * 3):
        aucs = [roc_auc_score(few.labels, few.logits[row]) for row in (pair.first, pair.second)]
        assert pair.value == pytest.approx(aucs[0] - aucs[1], abs=1e-12)
        assert pair.reason == lack_of({"malignant patients": malignant}) != ""
        for test in TESTS:
            assert np.isnan([*pair.result(test).interval, pair.result(test).p_value]).all()


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "-"), (np.nan, "-"), (0.37, "0.370"), (0.0005, "0.001"), (0.0004, "<0.001"), (0, "<0.001")],
)
def test_no_p_value_is_shown_as_zero(value, words):
    assert p_words(value) == words


def test_the_verdict_depends_on_the_corrected_p_value():
    def pair(value, p_value, corrected):
        result = comparison.PairedResult((np.nan, np.nan), p_value, corrected)
        return Difference(0, 1, value, result, result, flips(np.array([True]), np.array([True]), np.array(["a"])), 1.0)

    names = ["first", "second"]
    assert verdict(pair(0.2, 0.01, 0.03), names, 3) == "first is better"
    assert verdict(pair(-0.2, 0.01, 0.03), names, 3) == "second is better"
    assert (
        verdict(pair(0.2, 0.04, 0.12), names, 3) == "not told apart: by itself it would be, but not as one of 3 pairs"
    )
    assert verdict(pair(0.2, 0.4, 0.4), names, 3) == "not told apart"
    assert verdict(pair(0.2, np.nan, np.nan), names, 3).startswith("not tested")
