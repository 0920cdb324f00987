import shutil

import numpy as np
import pytest

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.statistics.comparing.chance import deviations
from mammo.statistics.comparing.selection_bias import independent_heads, selection_bias
from mammo.statistics.intervals.delong import components


def bias_of(labels, logits, patients):
    parts = components(labels, logits, patients)
    return selection_bias(parts, deviations(parts))


def simulated(chance, heads=50, patients=100, alike=0.0, skill=0.0):
    """Heads on two images per patient, equally good where `skill` is 0, with a fraction `alike` of shared noise."""
    labels = np.repeat(chance.permutation(np.arange(patients) % 2), 2)
    shared, own = chance.normal(size=(1, 2 * patients)), chance.normal(size=(heads, 2 * patients))
    gain = 0.8 + skill * np.linspace(-1, 1, heads)[:, None]
    return labels, gain * labels + np.sqrt(alike) * shared + np.sqrt(1 - alike) * own, np.arange(2 * patients) // 2


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_equally_good_heads_leave_nothing_to_explain(alike):
    chance = np.random.default_rng(2)
    biases = [bias_of(*simulated(chance, alike=alike)) for _ in range(40)]
    assert np.mean([bias.margin for bias in biases]) == pytest.approx(
        np.mean([bias.expected for bias in biases]), rel=0.12
    )
    assert sum(bias.margin > bias.limit for bias in biases) <= 5
    assert sum(bias.p_value < 0.05 for bias in biases) <= 5
    assert np.mean([bias.discounted for bias in biases]) == pytest.approx(
        np.mean([bias.mean for bias in biases]), abs=0.01
    )


def test_a_head_that_is_better_is_not_explained_by_luck():
    bias = bias_of(*simulated(np.random.default_rng(3), skill=0.8))
    assert bias.p_value < 0.01 and bias.margin > bias.limit
    assert 0 < bias.explained < 0.7


def test_heads_with_similar_scores_count_as_few_independent_heads():
    chance = np.random.default_rng(4)
    apart, alike = bias_of(*simulated(chance)), bias_of(*simulated(chance, alike=0.95))
    assert apart.independent > 35
    assert 1 <= alike.independent < 5
    assert apart.heads == alike.heads == 50
    assert alike.expected < apart.expected / 2


@pytest.mark.parametrize(("count", "best"), [(2, 0.5642), (10, 1.5388), (100, 2.5076)])
def test_independent_heads_are_counted_by_their_expected_best(count, best):
    """The means of the largest of `count` normal numbers, from tables."""
    assert independent_heads(best * 0.03, 0.03, 10_000) == pytest.approx(count, rel=0.01)


def test_fewer_than_two_heads_with_an_auc_have_no_selection_bias():
    labels, logits, patients = simulated(np.random.default_rng(5), heads=3)
    assert bias_of(labels, logits[:1], patients) is None
    logits[1, 4] = np.nan
    assert bias_of(labels, logits, patients).heads == 2
    assert bias_of(labels, np.stack([logits[0], 2 * logits[0]]), patients).explained == 1


@pytest.fixture
def permuted(tiny, tmp_path):
    """The tiny data set with its labels permuted between patients, and the features of its images."""
    home = Home(tmp_path / "home")
    shutil.copytree(tiny.path, home.path)
    dataset = Dataset.open(home, "tiny")
    first = dataset.images.groupby("patient")["label"].first()
    labels = dict(zip(first.index, np.random.default_rng(0).permutation(first), strict=True))
    images = dataset.images.assign(label=dataset.images["patient"].map(labels))
    write_dataset(home, "tiny", dataset.about, images, dataset.available_lesions)
    return home


def test_under_permuted_labels_all_heads_tie_and_luck_explains_the_winner(permuted):
    heads = expand(
        {
            "pool": ["gap", "flatten"],
            "optimizer": ["adam", "nadam"],
            "lr": [1e-2, 1e-3, 1e-4],
            "seed": [0, 1],
            "epochs": 8,
        }
    )
    splits = (SplitSpec(validation=0.3, test=0.3), SplitSpec(seed=1, validation=0.3, test=0.3))
    finish(sweep(permuted, SweepSpec("tiny", tuple(caches(permuted, "tiny")), heads, splits), device="cpu"))
    board = read_board(permuted)
    assert len(board.runs) == 48 and len(board.biases) == 2
    assert (board.runs["tie_group"] == 1).all()
    for bias in board.biases:
        assert bias.everyone.heads == bias.tied.heads == 24
        assert bias.everyone.margin <= bias.everyone.limit and bias.everyone.p_value > 0.05
        winner = board.runs.set_index("run").loc[bias.winner]
        assert winner["validation_auc"] == bias.everyone.winner
        low, high = winner["test_auc_interval"]
        assert low < 0.5 < high


def test_heads_with_equal_scores_have_no_margin_and_it_is_explained():
    labels, patients = np.arange(60) % 2, np.arange(60)
    same = np.repeat(
        np.random.default_rng(0).normal(size=(1, 60)), 3, axis=0
    )  # rounding puts their mean above the highest
    parts = components(labels, same, patients)
    bias = selection_bias(parts, deviations(parts))
    assert bias.margin == 0 and bias.expected >= 0 and bias.explained == 1
