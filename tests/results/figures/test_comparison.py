import numpy as np
import pytest

from mammo.results.board.grouped import by_setting
from mammo.results.board.leaderboard import bias_rows, read_board
from mammo.results.comparison import TESTS, differences, shared_images
from mammo.results.figures.comparison import HEADS, differences_figure, luck_figure, settings_figure
from mammo.runs.stored_run import stored_runs


@pytest.fixture
def board(demo_home):
    return read_board(demo_home)


@pytest.mark.parametrize("test", TESTS)
def test_each_pair_has_its_difference_with_the_interval_of_one_test(test, demo_home, board):
    runs = stored_runs(demo_home, board.runs["run"].iloc[[0, 11, 23]])
    pairs = differences(shared_images(runs, "test"), [0.0] * 3)
    figure = differences_figure(pairs, ["best", "middling", "last"], "Synthetic data", True, test)
    (trace,) = figure.data
    assert trace.name == f"{TESTS[test].label}, 95 % interval"
    np.testing.assert_allclose(trace.x, [pair.value for pair in pairs])
    ends = np.column_stack([trace.x - trace.error_x.arrayminus, trace.x + trace.error_x.array])
    np.testing.assert_allclose(ends, [pair.result(test).interval for pair in pairs])
    low, high = pairs[0].result(test).interval
    assert trace.customdata[0][0] == f"{low:+.3f} to {high:+.3f}"
    assert list(figure.layout.yaxis.ticktext)[1] == "best<br>less last"
    assert "Synthetic data" in [note.text for note in figure.layout.annotations]


def test_settings_are_means_with_deviations_over_their_runs(board):
    runs = board.runs.assign(seed=board.runs["lr"].rank(method="dense"), lr=0.001)
    settings = by_setting(runs)
    figure = settings_figure(settings, runs, [f"setting {row}" for row in range(len(settings))])
    dots, validation, _, test = figure.data
    assert len(dots.x) == 24
    np.testing.assert_allclose(validation.x, settings["validation_auc_mean"])
    np.testing.assert_allclose(test.error_x.array, settings["test_auc_sd"])
    assert figure.layout.yaxis.ticktext[0] == f"setting 0<br>3 runs, n = {settings['n_test'][0][0]}"


def test_the_best_by_chance_is_drawn_with_the_winner_and_all_heads(board):
    (meter,) = bias_rows(board)
    figure = luck_figure(meter, board.runs["validation_auc"])
    heads, best, validation, test = figure.data
    assert len(heads.x) == 24
    assert best.x[0] == pytest.approx(meter["mean_validation_auc"] + meter["expected_margin"])
    assert (validation.x[0], test.x[0]) == (meter["validation_auc"], meter["test_auc"])
    assert test.x[0] + test.error_x.array[0] == pytest.approx(meter["test_auc_interval"][1])
    (band,) = (shape for shape in figure.layout.shapes if shape.type == "rect")
    assert band.x0 < best.x[0] < band.x1
    many = np.random.default_rng(0).uniform(size=10_000)
    assert len(luck_figure(meter, many).data[0].x) == HEADS
