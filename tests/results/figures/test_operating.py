from dataclasses import replace

import numpy as np
import pytest

from mammo.results.board.leaderboard import leaderboard
from mammo.results.figures.operating import (
    calibration_figure,
    confusion_figure,
    operating_figure,
    precision_recall_figure,
    predictive_figure,
    subgroup_figure,
)
from mammo.results.figures.palette import DARK, LIGHT, SERIES
from mammo.runs.run_summary import calibrated
from mammo.runs.stored_run import StoredRun
from mammo.runs.subgroups import subgroups
from mammo.specs.class_names import ClassNames
from mammo.statistics.calibration import temperature
from mammo.statistics.measures import measure
from mammo.statistics.operating import operate
from mammo.statistics.predictive import predictive_values


@pytest.fixture(scope="module")
def run(demo_home):
    return StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])


@pytest.fixture(scope="module")
def seen(run):
    """Validation, test, and the operating point on test."""
    validation, shown = run.scored("validation"), run.scored("test")
    return validation, shown, operate(validation, shown, "youden")


def drawn(run, seen):
    validation, shown, point = seen
    shares = point.measures["sensitivity"], point.measures["specificity"]
    hot, scaled = calibrated(validation, shown)
    groups = subgroups(run, "test", "density", point.threshold)
    return {
        "operating": lambda shown, **more: operating_figure(validation, shown, point, **more),
        "confusion": lambda shown, **more: confusion_figure(shown, point, **more),
        "predictive": lambda shown, **more: predictive_figure(*shares, 0.01, shown, **more),
        "precision": lambda shown, **more: precision_recall_figure([shown], **more),
        "calibration": lambda shown, **more: calibration_figure(shown, scaled, hot, **more),
        "subgroups": lambda shown, **more: subgroup_figure(groups, shown, **more),
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["operating", "confusion", "predictive", "precision", "calibration", "subgroups"])
def test_every_figure_draws_its_note_and_its_leak(run, seen, name, dark):
    figure = drawn(run, seen)[name](replace(seen[1], leaked=3), note="Synthetic data", dark=dark)
    (note,) = figure.layout.annotations
    assert note.text == f"Synthetic data<br>3 of {np.size(seen[1].labels)} test images have their patient in train"
    assert note.font.color == (DARK if dark else LIGHT).notice
    assert figure.to_json()


def test_the_point_stands_at_its_rates_with_their_intervals(seen):
    validation, shown, point = seen
    mark = operating_figure(validation, shown, point).data[-1]
    found, spared = point.measures["sensitivity"], point.measures["specificity"]
    assert (mark.x[0], mark.y[0]) == (1 - spared.value, found.value)
    assert mark.y[0] + mark.error_y.array[0] == pytest.approx(found.high)
    assert mark.x[0] - mark.error_x.arrayminus[0] == pytest.approx(1 - spared.high)
    curves = [trace for trace in operating_figure(validation, shown, point).data if trace.name and "n = " in trace.name]
    assert [trace.name.split(",")[0] for trace in curves] == ["Validation", "Test"]
    assert len(operating_figure(validation, validation, point).data) == 3


def test_the_matrix_holds_the_counts(seen):
    heat = confusion_figure(seen[1], seen[2]).data[0]
    counts = seen[2].counts
    told = [int(cell.split("</b>")[0].removeprefix("<b>")) for row in heat.text for cell in row]
    assert told == [counts.true_benign, counts.false_malignant, counts.false_benign, counts.true_malignant]
    np.testing.assert_allclose(np.sum(heat.z, axis=1), 1)


def test_predictive_values_are_told_at_the_chosen_prevalence(seen):
    shares = seen[2].measures["sensitivity"], seen[2].measures["specificity"]
    names = [trace.name for trace in predictive_figure(*shares, 0.02, seen[1]).data if trace.name]
    for name, one in zip(names, predictive_values(*shares, 0.02), strict=True):
        assert f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})" in name


def test_precision_is_told_with_its_interval_and_n(seen):
    line = precision_recall_figure([seen[1]]).data[0]
    one = measure("average_precision", seen[1])
    assert line.name == f"Average precision {one.value:.2f} ({one.low:.2f}–{one.high:.2f}), n = {one.n}"
    assert len(precision_recall_figure([seen[1], seen[0]]).data) == 2


def test_calibration_bins_hold_all_images(seen):
    validation, shown, _ = seen
    hot, scaled = calibrated(validation, shown)
    assert hot == temperature(validation.labels, validation.logits)
    plain, cooled = (trace for trace in calibration_figure(shown, scaled, hot).data if trace.name)
    assert sum(plain.customdata) == sum(cooled.customdata) == np.size(shown.labels)
    assert f"{hot:.2f}" in cooled.name


def test_small_groups_are_grey(run, seen):
    groups = subgroups(run, "test", "density", seen[2].threshold)
    assert any(group.small for group in groups) and not groups[0].small
    for trace in subgroup_figure(groups, seen[1]).data:
        assert [colour == SERIES[0] for colour in trace.marker.color] == [not group.small for group in groups]
        assert list(trace.y) == [f"{group.value}<br>n = {group.n}" for group in groups]


def test_a_confusion_matrix_bears_the_names_of_its_classes(seen):
    heat = confusion_figure(replace(seen[1], classes=ClassNames("dense", "other")), seen[2]).data[0]
    assert list(heat.x) == ["called other", "called dense"] and list(heat.y) == ["other", "dense"]
    assert list(confusion_figure(seen[1], seen[2]).data[0].y) == ["benign", "malignant"]
