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
def scored(run):
    """The run scored on validation and on test, and the operating point on test."""
    validation, shown = run.scored("validation"), run.scored("test")
    return validation, shown, operate(validation, shown, "youden")


def figures(run, scored):
    validation, shown, point = scored
    shares = point.measures["sensitivity"], point.measures["specificity"]
    hot, scaled = calibrated(validation, shown)
    groups = subgroups(run, "test", "density", point.threshold)
    return {
        "operating": lambda shown, **options: operating_figure(validation, shown, point, **options),
        "confusion": lambda shown, **options: confusion_figure(shown, point, **options),
        "predictive": lambda shown, **options: predictive_figure(*shares, 0.01, shown, **options),
        "precision": lambda shown, **options: precision_recall_figure([shown], **options),
        "calibration": lambda shown, **options: calibration_figure(shown, scaled, hot, **options),
        "subgroups": lambda shown, **options: subgroup_figure(groups, shown, **options),
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["operating", "confusion", "predictive", "precision", "calibration", "subgroups"])
def test_every_figure_draws_its_note_and_its_leak(run, scored, name, dark):
    figure = figures(run, scored)[name](replace(scored[1], leaked=3), note="Synthetic data", dark=dark)
    (note,) = figure.layout.annotations
    assert note.text == f"Synthetic data<br>3 of {np.size(scored[1].labels)} test images have their patient in train"
    assert note.font.color == (DARK if dark else LIGHT).notice
    assert figure.to_json()


def test_the_operating_point_is_drawn_at_its_rates_with_their_intervals(scored):
    validation, shown, point = scored
    mark = operating_figure(validation, shown, point).data[-1]
    sensitivity, specificity = point.measures["sensitivity"], point.measures["specificity"]
    assert (mark.x[0], mark.y[0]) == (1 - specificity.value, sensitivity.value)
    assert mark.y[0] + mark.error_y.array[0] == pytest.approx(sensitivity.high)
    assert mark.x[0] - mark.error_x.arrayminus[0] == pytest.approx(1 - specificity.high)
    curves = [trace for trace in operating_figure(validation, shown, point).data if trace.name and "n = " in trace.name]
    assert [trace.name.split(",")[0] for trace in curves] == ["Validation", "Test"]
    assert len(operating_figure(validation, validation, point).data) == 3


def test_the_matrix_holds_the_counts(scored):
    heat = confusion_figure(scored[1], scored[2]).data[0]
    counts = scored[2].counts
    numbers = [int(cell.split("</b>")[0].removeprefix("<b>")) for row in heat.text for cell in row]
    assert numbers == [counts.true_benign, counts.false_malignant, counts.false_benign, counts.true_malignant]
    np.testing.assert_allclose(np.sum(heat.z, axis=1), 1)


def test_the_legend_has_the_predictive_values_at_the_chosen_prevalence(scored):
    shares = scored[2].measures["sensitivity"], scored[2].measures["specificity"]
    names = [trace.name for trace in predictive_figure(*shares, 0.02, scored[1]).data if trace.name]
    for name, value in zip(names, predictive_values(*shares, 0.02), strict=True):
        assert f"{value.value:.3f} ({value.low:.3f}–{value.high:.3f})" in name


def test_the_legend_has_average_precision_with_its_interval_and_n(scored):
    line = precision_recall_figure([scored[1]]).data[0]
    precision = measure("average_precision", scored[1])
    bounds = f"({precision.low:.2f}–{precision.high:.2f})"
    assert line.name == f"Average precision {precision.value:.2f} {bounds}, n = {precision.n}"
    assert len(precision_recall_figure([scored[1], scored[0]]).data) == 2


def test_calibration_bins_hold_all_images(scored):
    validation, shown, _ = scored
    hot, scaled = calibrated(validation, shown)
    assert hot == temperature(validation.labels, validation.logits)
    plain, cooled = (trace for trace in calibration_figure(shown, scaled, hot).data if trace.name)
    assert sum(plain.customdata) == sum(cooled.customdata) == np.size(shown.labels)
    assert f"{hot:.2f}" in cooled.name


def test_small_groups_are_grey(run, scored):
    groups = subgroups(run, "test", "density", scored[2].threshold)
    assert any(group.small for group in groups) and not groups[0].small
    for trace in subgroup_figure(groups, scored[1]).data:
        assert [colour == SERIES[0] for colour in trace.marker.color] == [not group.small for group in groups]
        assert list(trace.y) == [f"{group.value}<br>n = {group.n}" for group in groups]


def test_a_confusion_matrix_has_the_names_of_its_classes(scored):
    heat = confusion_figure(replace(scored[1], classes=ClassNames("dense", "other")), scored[2]).data[0]
    assert list(heat.x) == ["called other", "called dense"] and list(heat.y) == ["other", "dense"]
    assert list(confusion_figure(scored[1], scored[2]).data[0].y) == ["benign", "malignant"]
