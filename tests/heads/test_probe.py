"""The converged probe: the optimum that scikit-learn finds, from dot products alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from mammo.data.splits import TEST, TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.heads import gram as products
from mammo.heads.gram import Rows, combined, gram
from mammo.heads.probe import EXACT, STRENGTHS, Probe, fit_probe, heads_of
from mammo.results.metrics import auc

CPU = torch.device("cpu")
Vectors = NDArray[np.float32]


def problem(images: int, features: int, seed: int = 0) -> tuple[Vectors, NDArray[np.int8], NDArray[np.int8]]:
    """Activations of images, classes that a few of them tell apart with noise, and parts."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0.3, 1, (images, features)).clip(0).astype(np.float32)
    odds = vectors[:, :8].sum(axis=1) + rng.normal(0, 0.7, images)
    parts = rng.permutation(np.repeat([TRAIN, VALIDATION, TEST], [images // 2, images // 4, images - 3 * images // 4]))
    return vectors, (odds > np.median(odds)).astype(np.int8), parts.astype(np.int8)


def probed(vectors: Vectors, labels: NDArray[np.int8], parts: NDArray[np.int8]) -> Probe:
    return fit_probe(gram(Rows.held(vectors), CPU), labels, parts)


def scaled(vectors: Vectors, parts: NDArray[np.int8]) -> NDArray[np.float64]:
    """Vectors centred on the training images and divided by the root of their mean squared length."""
    centred = vectors - vectors[parts == TRAIN].mean(axis=0, dtype=np.float64)
    return centred / np.sqrt((centred[parts == TRAIN] ** 2).sum(axis=1).mean())


def peer(vectors: NDArray[np.float64], labels: NDArray[np.int8], strength: float, solver: str) -> LogisticRegression:
    return LogisticRegression(C=strength, tol=1e-12, max_iter=100_000, solver=solver).fit(vectors, labels)


@pytest.mark.parametrize(("images", "features"), [(160, 12), (120, 400)])
def test_every_step_of_the_path_is_scikit_learns_optimum(images: int, features: int) -> None:
    vectors, labels, parts = problem(images, features)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for step, strength in list(enumerate(STRENGTHS))[::2]:
        fitted = peer(inputs[train], labels[train], strength, "newton-cholesky")
        np.testing.assert_allclose(found.logits[step], fitted.decision_function(inputs), atol=1e-5)


def test_a_vector_as_long_as_a_flattened_maps_is_solved_as_well() -> None:
    vectors, labels, parts = problem(96, 25_088)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for step in (0, 6, 10):
        fitted = peer(inputs[train], labels[train], STRENGTHS[step], "lbfgs")
        np.testing.assert_allclose(found.logits[step], fitted.decision_function(inputs), atol=1e-5)


@pytest.mark.parametrize("features", [12, 2500])
def test_every_step_is_where_the_gradient_vanishes(features: int) -> None:
    """The optimum is unique: sums of the errors of images are the weights, and they add up to nothing."""
    vectors, labels, parts = problem(120, features, seed=3)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for logits, strength in zip(found.logits, STRENGTHS, strict=True):
        errors = strength * (labels[train] - 1 / (1 + np.exp(-logits[train])))
        assert abs(errors.sum()) < 1e-7 * strength
        scores = inputs @ (errors @ inputs[train])
        close = 1e-6 + EXACT * strength * train.sum()
        np.testing.assert_allclose(scores + (logits - scores).mean(), logits, atol=close)


def test_the_chosen_step_is_the_best_on_validation_and_the_first_of_those() -> None:
    vectors, labels, parts = problem(120, 400, seed=1)
    found, held_out = probed(vectors, labels, parts), parts == VALIDATION
    area = auc(labels[held_out], found.logits[:, held_out])
    np.testing.assert_array_equal(found.validation_auc, area)
    assert area[found.best] == area.max() and (area[: found.best] < area.max()).all()


def test_the_test_images_change_neither_the_path_nor_the_choice() -> None:
    vectors, labels, parts = problem(120, 400, seed=2)
    before = probed(vectors, labels, parts)
    test = parts == TEST
    after = probed(vectors, np.where(test, 1 - labels, labels), parts)
    np.testing.assert_array_equal(before.logits, after.logits)
    assert before.best == after.best


def test_the_chosen_step_as_a_head_scores_the_stored_vectors() -> None:
    vectors, labels, parts = problem(200, 700, seed=4)
    rows = Rows.held(vectors)
    table = gram(rows, CPU)
    found = [fit_probe(table, labels, part) for part in (parts, parts[::-1].copy())]
    for probe, head in zip(found, heads_of(found, rows, table), strict=True):
        assert head["weight"].dtype == head["bias"].dtype == np.float32
        np.testing.assert_allclose(vectors @ head["weight"] + head["bias"], probe.logits[probe.best], atol=1e-4)


def test_products_are_the_same_when_vectors_are_read_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _, _ = problem(210, 5000)
    whole = gram(Rows.held(vectors), CPU)
    monkeypatch.setattr(products, "HELD_BYTES", 4 * 5000 * 70)
    pieces = gram(Rows.held(vectors), CPU)
    centred = vectors.astype(np.float64) - whole.origin
    expected = centred @ centred.T
    for found in (whole.products, pieces.products):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6 * expected.max())
    shares = np.random.default_rng(0).normal(size=(3, 210))
    np.testing.assert_allclose(combined(Rows.held(vectors), shares), shares @ vectors, atol=1e-9)


def test_features_that_are_not_finite_are_refused() -> None:
    vectors, _, _ = problem(100, 30)
    vectors[70, 3] = np.nan
    with pytest.raises(MammoError, match="not finite"):
        gram(Rows.held(vectors), CPU)


@pytest.mark.parametrize(("part", "named"), [(TRAIN, "training"), (VALIDATION, "validation")])
def test_a_part_of_one_class_is_refused(part: int, named: str) -> None:
    vectors, labels, parts = problem(80, 20)
    with pytest.raises(MammoError, match=f"{named} images are not of both classes"):
        probed(vectors, np.where(parts == part, 0, labels).astype(np.int8), parts)
