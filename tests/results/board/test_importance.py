from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mammo.axes import AXES
from mammo.results.board.importance import VARIED, influences, response, validation_auc, varied
from mammo.results.figures.axes import influence_figure, parallel_figure, response_figure
from mammo.results.figures.palette import DARK, LIGHT
from mammo.runs.sweep import Sweep, sweeps


@pytest.fixture(scope="module")
def demo_sweep(demo_home) -> Sweep:
    return Sweep.open(demo_home, sweeps(demo_home)[0])


@pytest.fixture
def twelve(demo_sweep) -> Sweep:
    """Twelve runs on the demo's images whose skill depends on the learning rate alone."""
    grid = [(rate, pool, seed) for rate in (1e-5, 1e-4, 1e-3) for pool in ("gap", "flatten") for seed in (0, 1)]
    runs = pd.DataFrame(grid, columns=["lr", "pool", "seed"]).assign(split=0, optimizer="adam")
    skill = runs["lr"].map({1e-5: 0.0, 1e-4: 0.7, 1e-3: 1.4}).to_numpy()
    noise = np.random.default_rng(0).normal(size=(len(runs), len(demo_sweep.images)))
    logits = skill[:, None] * demo_sweep.labels + noise
    return replace(demo_sweep, runs=runs, logits=logits.astype(np.float32))


def test_the_axis_that_decides_matters_most_and_the_others_only_by_chance(twelve):
    first, *idle = influences(twelve)
    assert first.axis == "lr"
    assert first.share > 0.6
    assert first.interval[0] > first.chance
    assert {influence.axis for influence in idle} == {"pool", "seed"}
    assert all(influence.share < 0.2 for influence in idle)
    assert sum(influence.share for influence in (first, *idle)) <= 1 + 1e-9


def test_a_share_is_the_variance_of_the_means_over_the_total(twelve):
    aucs = validation_auc(twelve)
    means = pd.Series(aucs).groupby(twelve.runs["lr"]).transform("mean")
    assert influences(twelve)[0].share == pytest.approx(float(np.var(means) / np.var(aucs)), abs=1e-12)


def test_a_response_is_the_mean_and_spread_of_the_runs_of_a_value(twelve):
    aucs = validation_auc(twelve)
    table = response(twelve, "lr", "pool").set_index(["by", "value"])
    chosen = aucs[((twelve.runs["lr"] == 1e-4) & (twelve.runs["pool"] == "gap")).to_numpy()]
    row = table.loc[("gap", 1e-4)]
    assert (row["mean"], row["sd"], row["runs"]) == (
        pytest.approx(chosen.mean()),
        pytest.approx(chosen.std(ddof=1)),
        len(chosen),
    )


def test_runs_that_do_not_differ_have_no_axes(twelve):
    single = replace(twelve, runs=twelve.runs.head(1), logits=twelve.logits[:1])
    assert varied(single.runs) == []
    assert influences(single) == []


def test_splits_of_other_images_are_compared_within_themselves(twelve):
    parts = np.concatenate([twelve.parts, np.roll(twelve.parts, 7, axis=1)])
    both = replace(twelve, parts=parts, runs=twelve.runs.assign(split=[0, 1] * 6))
    assert "split" not in VARIED
    assert influences(both)[0].axis == "lr"


@pytest.mark.parametrize("dark", [False, True])
def test_figures_carry_their_note(twelve, dark):
    note = {"note": "Synthetic data", "dark": dark}
    for figure in (
        influence_figure(influences(twelve), **note),
        response_figure(twelve, "lr", "pool", **note),
        response_figure(twelve, "pool", **note),
        parallel_figure(twelve, **note),
    ):
        (annotation,) = [label for label in figure.layout.annotations if label.text == "Synthetic data"]
        assert annotation.font.color == (DARK if dark else LIGHT).notice
        assert figure.to_json()


def test_learning_rates_are_written_as_in_the_names_of_runs(twelve):
    rates = ("1e-5", "1e-4", "1e-3")
    assert response_figure(twelve, "lr").layout.xaxis.ticktext == rates
    axes = {axis.label: axis.ticktext for axis in parallel_figure(twelve).data[0].dimensions}
    assert tuple(axes[AXES["lr"].label]) == rates
