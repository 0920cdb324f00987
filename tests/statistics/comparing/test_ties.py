import numpy as np
import pytest
from scipy.stats import norm

from mammo.statistics.comparing.ties import paired_p_values, tie_groups
from mammo.statistics.intervals.delong import components
from mammo.statistics.metrics import auc


@pytest.fixture
def study():
    """400 images of 200 patients; runs in three tiers of skill, with shared and individual noise."""
    chance = np.random.default_rng(3)
    patients = np.repeat(np.arange(200), 2)
    labels = np.repeat(chance.integers(0, 2, 200), 2)
    skill = np.repeat([3.0, 1.2, 0.0], 5)[:, None]
    shared = chance.normal(size=200)[patients]
    logits = skill * labels + shared + 0.3 * chance.normal(size=(15, 400))
    return labels, logits, patients


def test_three_tiers_of_skill_make_three_groups(study):
    assert tie_groups(*study).tolist() == [1] * 5 + [2] * 5 + [3] * 5


def test_groups_do_not_depend_on_the_order_of_runs(study):
    labels, logits, patients = study
    order = np.random.default_rng(0).permutation(len(logits))
    np.testing.assert_array_equal(tie_groups(labels, logits[order], patients), tie_groups(*study)[order])


def test_the_best_run_leads_group_one_and_leaders_fall_in_auc(study):
    labels, logits, patients = study
    logits = np.random.default_rng(9).uniform(0, 1, (15, 1)) * labels + logits
    groups, aucs = tie_groups(labels, logits, patients), auc(labels, logits)
    assert groups[aucs.argmax()] == 1
    best = [aucs[groups == group].max() for group in range(1, groups.max() + 1)]
    assert best == sorted(best, reverse=True)


def test_p_values_are_those_of_a_patient_jackknife(study):
    """The jackknife over patients estimates the same variance without DeLong components."""
    labels, logits, patients = study
    pair = logits[[5, 6]] + np.array([[0.05], [0.0]]) * labels
    differences = []
    for patient in range(200):
        remaining = patients != patient
        differences.append(np.subtract(*auc(labels[remaining], pair[:, remaining])))
    error = np.sqrt(199 / 200 * np.sum((differences - np.mean(differences)) ** 2))
    expected = 2 * norm.sf(abs(np.subtract(*auc(labels, pair))) / error)
    p_value = paired_p_values(components(labels, pair, patients), 0)[1]
    assert 0.001 < p_value < 0.5
    assert p_value == pytest.approx(expected, rel=0.1)


def test_equal_runs_tie_and_share_the_leaders_group(study):
    labels, logits, patients = study
    copies = np.stack([logits[0], 2 * logits[0] + 1, logits[0]])
    assert paired_p_values(components(labels, copies, patients), 0).tolist() == [1, 1, 1]
    assert tie_groups(labels, copies, patients).tolist() == [1, 1, 1]


@pytest.mark.parametrize("alike", [0.0, 0.8])
def test_runs_of_no_skill_all_tie_in_nineteen_of_twenty_studies(alike):
    """The best of 40 equal runs leads by chance; runs count as worse no more often than the level of the test."""
    chance = np.random.default_rng(4)
    patients, split = np.arange(160) // 2, 0
    for _ in range(60):
        labels = chance.permutation(np.arange(80) % 2)[patients]
        shared, own = chance.normal(size=(1, 80)), chance.normal(size=(40, 80))
        logits = (np.sqrt(alike) * shared + np.sqrt(1 - alike) * own)[:, patients] + chance.normal(size=160)
        split += tie_groups(labels, logits, patients).max() > 1
    assert split <= 6


def test_few_patients_distinguish_no_runs():
    """With three patients per class, standard errors are useless."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    logits = np.stack([labels, [0, 3, 1, 2, 5, 6], [3, 1, 2, 2.5, 0, 4]]).astype(float)
    assert tie_groups(labels, logits, np.arange(6)).tolist() == [1, 1, 1]


def test_diverged_runs_come_last(study):
    labels, logits, patients = study
    logits[[0, 7], 3] = np.nan
    groups = tie_groups(labels, logits, patients)
    assert groups[[0, 7]].tolist() == [4, 4]
    assert sorted(set(np.delete(groups, [0, 7]))) == [1, 2, 3]


def test_runs_that_cannot_be_compared_all_tie():
    assert tie_groups([1, 1, 1], np.eye(3), [1, 2, 3]).tolist() == [1, 1, 1]
    assert tie_groups([0, 1, 1], np.eye(3), [1, 2, 2]).tolist() == [1, 1, 1]


def test_many_runs_are_grouped_as_each_would_be():
    chance = np.random.default_rng(6)
    labels = chance.integers(0, 2, 300)
    logits = (labels * np.repeat([4.0, 0.0], 1000)[:, None] + chance.normal(size=(2000, 300))).astype(np.float32)
    groups = tie_groups(labels, logits, np.arange(300) // 2)
    assert groups[:1000].max() < groups[1000:].min()
