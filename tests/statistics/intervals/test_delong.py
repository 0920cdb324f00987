import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, t

from mammo.statistics.few import FEWEST
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval, clopper_pearson, components
from mammo.statistics.metrics import auc


def kernel(malignant, benign):
    return 1.0 if malignant > benign else 0.5 if malignant == benign else 0.0


def slow_delong(labels, scores):
    """DeLong's variance of one AUC by its definition, with pairs counted one by one."""
    malignant, benign = scores[labels == 1], scores[labels == 0]
    by_malignant = [np.mean([kernel(x, y) for y in benign]) for x in malignant]
    by_benign = [np.mean([kernel(x, y) for x in malignant]) for y in benign]
    return np.var(by_malignant, ddof=1) / len(malignant) + np.var(by_benign, ddof=1) / len(benign)


def slow_obuchowski(labels, scores, patients):
    """Obuchowski's (1997) clustered variance of one AUC, patient by patient."""
    malignant, benign = scores[labels == 1], scores[labels == 0]
    auc = np.mean([kernel(x, y) for x in malignant for y in benign])
    names = sorted(set(patients))
    first, second, present = [], [], []
    for name in names:
        malignant_scores, benign_scores = (
            scores[(patients == name) & (labels == 1)],
            scores[(patients == name) & (labels == 0)],
        )
        first.append(sum(np.mean([kernel(x, y) for y in benign]) - auc for x in malignant_scores))
        second.append(sum(np.mean([kernel(x, y) for x in malignant]) - auc for y in benign_scores))
        present.append((len(malignant_scores) > 0, len(benign_scores) > 0))
    with_malignant, with_benign = (sum(column) for column in zip(*present, strict=True))
    m, n, k = len(malignant), len(benign), len(names)
    s10 = with_malignant / ((with_malignant - 1) * m) * sum(value**2 for value in first)
    s01 = with_benign / ((with_benign - 1) * n) * sum(value**2 for value in second)
    s11 = k / (k - 1) * sum(a * b for a, b in zip(first, second, strict=True))
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def score_interval(auc, variance, malignant, benign):
    """The range of AUCs that an AUC does not contradict: Newcombe's method 5 with a design effect and Student's t."""
    half = (malignant + benign) / 2 - 1

    def independent(value):
        share = (1 - value) / (2 - value) + value / (1 + value)
        return value * (1 - value) * (1 + half * share) / (malignant * benign)

    effect, quantile = variance / independent(auc), t.ppf(0.975, min(malignant, benign) - 1)

    def distance(value):
        return (auc - value) ** 2 - quantile**2 * effect * independent(value)

    return [brentq(distance, 1e-12, auc), brentq(distance, auc, 1 - 1e-12)]


@pytest.fixture
def study():
    """Labels, the logits of four runs with ties, and patients with one or more images, some of both classes."""
    chance = np.random.default_rng(5)
    patients = chance.integers(0, 25, 60)
    labels = chance.integers(0, 2, 60)
    logits = np.round(labels + chance.normal(size=25)[patients] + chance.normal(size=(4, 60)), 1)
    return labels, logits, np.array([f"P{number:03d}" for number in patients])


def test_one_image_a_patient_gives_the_score_interval_of_delongs_variance(study):
    labels, logits, _ = study
    counts = labels.sum(), (1 - labels).sum()
    expected = [score_interval(auc(labels, run), slow_delong(labels, run), *counts) for run in logits]
    np.testing.assert_allclose(auc_interval(labels, logits, np.arange(60)), expected, atol=1e-10)


def test_patients_of_several_images_give_the_score_interval_of_obuchowskis_variance(study):
    labels, logits, patients = study
    counts = [np.unique(patients[labels == label]).size for label in (1, 0)]
    expected = [score_interval(auc(labels, run), slow_obuchowski(labels, run, patients), *counts) for run in logits]
    np.testing.assert_allclose(auc_interval(labels, logits, patients), expected, atol=1e-10)


def placements(labels, scores):
    """DeLong's placement values of the malignant and of the benign images by their definition, pair by pair."""
    malignant, benign = scores[labels == 1][:, None], scores[labels == 0]
    pairs = (malignant > benign) + 0.5 * (malignant == benign)
    return pairs.mean(axis=1), pairs.mean(axis=0)


def test_delongs_variance_is_that_of_pairs_counted_one_by_one():
    """On 200 random cases with ties: AUC, variance and covariance within 1e-10."""
    chance = np.random.default_rng(11)
    for _ in range(200):
        images = int(chance.integers(8, 60))
        labels = chance.permutation(np.arange(images) % 2)
        scores = np.round(labels + chance.normal(size=(2, images)), int(chance.integers(0, 3)))
        by_malignant, by_benign = zip(*(placements(labels, run) for run in scores), strict=True)
        covariance = np.cov(by_malignant) / labels.sum() + np.cov(by_benign) / (images - labels.sum())
        parts = components(labels, scores, np.arange(images), fewest=2)
        assert parts.aucs == pytest.approx([part.mean() for part in by_malignant], abs=1e-12)
        assert parts.variance == pytest.approx(np.diag(covariance), abs=1e-10)
        assert parts.covariance([0], [0, 1])[0] == pytest.approx(covariance[0], abs=1e-10)
        pairs = parts.pair_covariance(np.array([0, 1]), np.array([1, 1]))
        assert pairs == pytest.approx(covariance[:, 1], abs=1e-10)


def test_the_clustered_variance_is_obuchowskis_on_random_cases():
    chance = np.random.default_rng(12)
    for _ in range(40):
        patients = chance.integers(0, 12, 40)
        labels = chance.permutation(np.arange(40) % 2)
        scores = np.round(labels + chance.normal(size=12)[patients] + chance.normal(size=40), 1)
        expected = slow_obuchowski(labels, scores, patients)
        assert components(labels, [scores], patients, fewest=2).variance[0] == pytest.approx(expected, abs=1e-10)


def test_covariance_with_itself_is_the_variance(study):
    parts = components(*study)
    np.testing.assert_allclose(np.diag(parts.covariance([0, 1, 2, 3], [0, 1, 2, 3])), parts.variance, rtol=1e-12)


def test_images_repeated_within_patients_do_not_narrow_the_interval(study):
    labels, logits, _ = study
    once = auc_interval(labels, logits, np.arange(60))
    repeated = auc_interval(np.tile(labels, 3), np.tile(logits, 3), np.tile(np.arange(60), 3))
    np.testing.assert_allclose(repeated, once, atol=0.01)
    once = accuracy_interval(labels, logits - 0.5, np.arange(60))
    repeated = accuracy_interval(np.tile(labels, 3), np.tile(logits, 3) - 0.5, np.tile(np.arange(60), 3))
    assert (np.diff(repeated) >= 0.97 * np.diff(once)).all()


@pytest.mark.parametrize("truth", [0.76, 0.92])
def test_the_auc_interval_covers_the_truth_about_as_often_as_it_should(truth):
    """Two correlated images per patient; the true AUC of a normal shift d is Phi(d / sqrt 2)."""
    chance = np.random.default_rng(1)
    shift = {0.76: 0.9989, 0.92: 1.9871}[truth]
    patients = np.repeat(np.arange(60), 2)
    covered = 0
    for _ in range(400):
        labels = np.repeat(chance.integers(0, 2, 60), 2)
        shared, own = chance.normal(size=60)[patients], chance.normal(size=120)
        low, high = auc_interval(labels, [labels * shift + np.sqrt(0.7) * shared + np.sqrt(0.3) * own], patients)[0]
        covered += low <= truth <= high
    assert 0.91 <= covered / 400 <= 0.99


LABELS = np.repeat([0, 1], 10)


@pytest.mark.parametrize(("scores", "expected"), [(LABELS, 1.0), (-LABELS, 0.0), (0 * LABELS, 0.5)])
def test_perfect_and_constant_scores_have_no_interval_of_zero_width(scores, expected):
    low, high = auc_interval(LABELS, [scores], np.arange(20))[0]
    assert low <= expected <= high
    assert 0.2 < high - low < 0.6
    more_images = auc_interval(np.tile(LABELS, 5), [np.tile(scores, 5)], np.tile(np.arange(20), 5))[0]
    np.testing.assert_allclose(more_images, [low, high])


@pytest.mark.parametrize("few", [0, 1, FEWEST - 1, FEWEST, 5])
def test_an_interval_begins_with_the_fewest_patients(few):
    """The number of images does not matter: here three per patient."""
    patients = np.repeat(np.arange(30 + few), 3)
    labels = (patients >= 30).astype(int)
    scores = labels + np.random.default_rng(few).normal(size=(2, labels.size))
    assert np.isnan(auc_interval(labels, scores, patients)).all() == (few < FEWEST)
    assert np.isnan(auc_interval(1 - labels, scores, patients)).all() == (few < FEWEST)
    assert (components(labels, scores, patients) is None) == (few < FEWEST)
    rows = patients >= 30
    assert np.isnan(accuracy_interval(labels[rows], scores[:, rows], patients[rows])).all() == (few < FEWEST)


def test_a_missing_class_and_a_diverged_run_have_no_interval():
    assert np.isnan(auc_interval(LABELS * 0, [LABELS], np.arange(20))).all()
    both = auc_interval(LABELS, [np.where(LABELS, np.nan, 0), LABELS], np.arange(20))
    assert np.isnan(both).tolist() == [[True, True], [False, False]]
    both = accuracy_interval(LABELS, [np.where(LABELS, np.nan, 0), LABELS], np.arange(20))
    assert np.isnan(both).tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize(("right", "trials"), [(0, 10), (10, 10), (7, 12), (300, 645)])
def test_clopper_pearson_is_scipys(right, trials):
    expected = binomtest(right, trials).proportion_ci(method="exact")
    interval = clopper_pearson(np.array([right / trials]), trials)[0]
    np.testing.assert_allclose(interval, [expected.low, expected.high], rtol=1e-9)


def test_accuracy_interval_is_the_exact_one_for_independent_images_and_never_narrower(study):
    labels, logits, patients = study
    plain = clopper_pearson(np.mean((logits > 0.5) == labels, axis=1), 60)
    np.testing.assert_allclose(accuracy_interval(labels, logits - 0.5, np.arange(60)), plain, rtol=0.02)
    assert (np.diff(accuracy_interval(labels, logits - 0.5, patients)) >= np.diff(plain) - 1e-12).all()


def test_four_images_that_are_correct_or_wrong_together_count_as_one():
    right = np.repeat(np.random.default_rng(2).random(50) < 0.7, 4)
    clustered = accuracy_interval(np.ones(200), [right - 0.5], np.arange(200) // 4)
    np.testing.assert_allclose(clustered, clopper_pearson(np.array([right.mean()]), 50 * 49 / 50), rtol=1e-9)


def test_where_all_are_correct_every_patient_counts_as_one_image():
    low, high = accuracy_interval(LABELS, [LABELS - 0.5], np.arange(20) // 2)[0]
    assert (low, high) == (pytest.approx(binomtest(10, 10).proportion_ci().low), 1.0)
