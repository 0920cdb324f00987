"""Figures of the report: the mean ROC curve compared with counting, and every row at its values."""

import numpy as np
import pytest

from mammo.paper import open_report_runs
from mammo.results.report.export import figure_1, figures
from mammo.results.report.figures import GRID, draws_figure, rows_figure, splits_figure
from mammo.statistics.metrics import auc
from mammo.statistics.scored import Scored
from tests.conftest import PAPER


@pytest.fixture(scope="module")
def report(paper_home):
    return open_report_runs(paper_home, PAPER).report()


def some_runs(count):
    rng = np.random.default_rng(count)
    labels = rng.permutation(np.repeat([0, 1], [40, 25]))
    patients = np.arange(65)
    logits = labels + rng.normal(size=(count, 65))
    return [Scored(f"Draw {number}", labels, row, patients) for number, row in enumerate(logits, 1)]


def highest_sensitivity(run, rate):
    """By counting: the highest sensitivity of a threshold whose false-positive rate is at most `rate`."""
    scores, malignant = np.asarray(run.logits), np.asarray(run.labels) == 1
    allowed = [threshold for threshold in np.unique(scores) if np.mean(scores[~malignant] >= threshold) <= rate]
    return max((np.mean(scores[malignant] >= threshold) for threshold in allowed), default=0.0)


def test_the_mean_curve_is_the_mean_of_sensitivities_at_equal_false_positive_rates():
    runs = some_runs(4)
    mean = splits_figure(runs).data[-1]
    assert "Mean of 4 draws" in mean.name and f"n = {65}" in mean.name
    steps = [index for index, rate in enumerate(GRID) if abs(rate * 40 - round(rate * 40)) < 1e-9]
    assert len(steps) > 30
    for index in steps:
        expected = np.mean([highest_sensitivity(run, GRID[index] + 1e-9) for run in runs])
        assert mean.y[index] == pytest.approx(expected, abs=1e-12)
    aucs = [run.value(auc) for run in runs]
    assert np.trapezoid(mean.y, mean.x) == pytest.approx(np.mean(aucs), abs=0.01)
    assert f"{np.mean(aucs):.3f} ± {np.std(aucs, ddof=1):.3f}" in mean.name


def test_the_band_is_one_deviation_around_the_mean():
    runs = some_runs(5)
    figure = splits_figure(runs)
    band, mean = figure.data[1], figure.data[-1]
    upper, lower = np.asarray(band.y[: len(GRID)]), np.asarray(band.y[len(GRID) :])[::-1]
    inside = (upper < 1) & (lower > 0)
    np.testing.assert_allclose(((upper + lower) / 2)[inside], np.asarray(mean.y)[inside], atol=1e-12)
    assert (upper <= 1).all() and (lower >= 0).all() and (upper - lower).max() > 0.05


def test_a_single_draw_has_no_deviation():
    assert "±" not in splits_figure(some_runs(1)).data[-1].name


def test_every_row_is_drawn_at_its_metrics(report):
    rows = report.table(1)
    figure = rows_figure(rows, "Synthetic data")
    ours = figure.data[0]
    assert list(ours.x) == [row.ours.auc for row in rows]
    np.testing.assert_allclose(ours.x + ours.error_x.array, [row.ours.auc_interval[1] for row in rows])
    reported = next(trace for trace in figure.data if trace.name == "The report")
    assert list(reported.x) == [comparison.row.auc for comparison in rows if comparison.row.auc is not None]
    assert list(figure.layout.yaxis.ticktext) == [comparison.row.label for comparison in rows]
    assert np.abs(np.asarray(ours.y) - np.arange(9)).max() < 0.5


def test_draws_are_drawn_from_none_to_all(report):
    validation, test = draws_figure(report, "patient").data
    assert list(validation.x) == list(test.x) == [0, 1, 2, 3]
    assert test.y[3] == report.rows[7].outcomes["patient"].spread["test"]["auc"].mean


def test_figure_1_is_the_history_of_the_first_draw(report):
    comparison = report.rows[0]
    losses = figure_1(comparison, "patient").data[0]
    np.testing.assert_array_equal(losses.y, comparison.outcomes["patient"].runs[0].history[:, 0])


def test_all_figures_note_synthetic_data_and_mini_trunks(report):
    titled = figures(report, dark=True)
    assert len(titled) == 7
    for _, figure in titled:
        assert any("Synthetic data" in note.text and "stand in" in note.text for note in figure.layout.annotations)
