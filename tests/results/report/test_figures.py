"""Figures of the report: the mean ROC curve against counting, and every row at its place."""

import numpy as np
import pytest

from mammo.paper import open_paper
from mammo.results.report.export import figure_1, figures
from mammo.results.report.figures import GRID, draws_figure, rows_figure, splits_figure
from mammo.statistics.metrics import auc
from mammo.statistics.scored import Scored
from tests.conftest import PAPER


@pytest.fixture(scope="module")
def report(paper_home):
    return open_paper(paper_home, PAPER).report()


def some_runs(count):
    rng = np.random.default_rng(count)
    labels = rng.permutation(np.repeat([0, 1], [40, 25]))
    patients = np.arange(65)
    logits = labels + rng.normal(size=(count, 65))
    return [Scored(f"Draw {number}", labels, one, patients) for number, one in enumerate(logits, 1)]


def highest_sensitivity(run, rate):
    """Counted: the share of malignant images found by the lowest threshold that calls at most `rate` of the benign."""
    scores, malignant = np.asarray(run.logits), np.asarray(run.labels) == 1
    allowed = [one for one in np.unique(scores) if np.mean(scores[~malignant] >= one) <= rate]
    return max((np.mean(scores[malignant] >= one) for one in allowed), default=0.0)


def test_the_mean_curve_is_the_mean_of_sensitivities_at_equal_rates_of_false_alarms():
    runs = some_runs(4)
    mean = splits_figure(runs).data[-1]
    assert "Mean of 4 draws" in mean.name and f"n = {65}" in mean.name
    at = [place for place, rate in enumerate(GRID) if abs(rate * 40 - round(rate * 40)) < 1e-9]
    assert len(at) > 30
    for place in at:
        expected = np.mean([highest_sensitivity(run, GRID[place] + 1e-9) for run in runs])
        assert mean.y[place] == pytest.approx(expected, abs=1e-12)
    areas = [run.value(auc) for run in runs]
    assert np.trapezoid(mean.y, mean.x) == pytest.approx(np.mean(areas), abs=0.01)
    assert f"{np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f}" in mean.name


def test_the_band_is_one_deviation_around_the_mean():
    runs = some_runs(5)
    figure = splits_figure(runs)
    band, mean = figure.data[1], figure.data[-1]
    upper, lower = np.asarray(band.y[: len(GRID)]), np.asarray(band.y[len(GRID) :])[::-1]
    inside = (upper < 1) & (lower > 0)
    np.testing.assert_allclose(((upper + lower) / 2)[inside], np.asarray(mean.y)[inside], atol=1e-12)
    assert (upper <= 1).all() and (lower >= 0).all() and (upper - lower).max() > 0.05


def test_one_draw_alone_has_no_deviation():
    assert "±" not in splits_figure(some_runs(1)).data[-1].name


def test_every_row_stands_at_its_figures(report):
    rows = report.table(1)
    figure = rows_figure(rows, "Synthetic data")
    ours = figure.data[0]
    assert list(ours.x) == [one.ours.auc for one in rows]
    np.testing.assert_allclose(ours.x + ours.error_x.array, [one.ours.auc_interval[1] for one in rows])
    reported = next(trace for trace in figure.data if trace.name == "The report")
    assert list(reported.x) == [one.row.auc for one in rows if one.row.auc is not None]
    assert list(figure.layout.yaxis.ticktext) == [one.row.told for one in rows]
    assert np.abs(np.asarray(ours.y) - np.arange(9)).max() < 0.5


def test_draws_are_drawn_from_none_to_all(report):
    validation, test = draws_figure(report, "patient").data
    assert list(validation.x) == list(test.x) == [0, 1, 2, 3]
    assert test.y[3] == report.rows[7].outcomes["patient"].spread["test"]["auc"].mean


def test_figure_1_is_the_history_of_the_first_draw(report):
    one = report.rows[0]
    losses = figure_1(one, "patient").data[0]
    np.testing.assert_array_equal(losses.y, one.outcomes["patient"].runs[0].history[:, 0])


def test_all_figures_say_what_they_stand_on(report):
    drawn = figures(report, dark=True)
    assert len(drawn) == 7
    for _, figure in drawn:
        assert any("Synthetic data" in note.text and "stand in" in note.text for note in figure.layout.annotations)
