"""Training as a whole: what is kept, what is reported, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mammo.errors import MammoError
from mammo.heads.training.task import Task
from mammo.heads.training.train import Resources, train_bank, train_splits
from mammo.heads.training.trained import HISTORY
from mammo.heads.training.vectors import Source
from mammo.progress import finish
from mammo.specs import HeadSpec
from mammo.statistics.metrics import auc

TRAIN, VALIDATION, TEST = 0, 1, 2


def cut(head, **changes):
    return HeadSpec(**{**head.to_json(), **changes})


def area(images, trained, part):
    chosen = images.parts == part
    return auc(images.labels[chosen], trained.logits[:, chosen])


def test_early_stopping_keeps_the_best_epoch_and_equals_a_run_cut_there(images):
    heads = [HeadSpec(lr=lr, epochs=60, patience=4, hidden=hidden) for lr in (3e-2, 1e-2) for hidden in (0, 12)]
    trained = finish(train_bank(*images, heads, device="cpu"))
    for row, head in enumerate(heads):
        best, epochs = int(trained.best_epoch[row]), int(trained.epochs[row])
        areas = trained.history[row, :, HISTORY.index("validation_auc")]
        assert epochs < 60 and epochs - best == 4
        assert best == np.nanargmax(areas) + 1
        assert np.isfinite(trained.history[row, :epochs]).all() and np.isnan(trained.history[row, epochs:]).all()
        np.testing.assert_allclose(area(images, trained, VALIDATION)[row], areas[best - 1], atol=1e-6)
        short = finish(train_bank(*images, [cut(head, epochs=best, patience=0)], device="cpu"))
        np.testing.assert_allclose(short.logits[0], trained.logits[row], atol=1e-6)


def test_without_patience_the_last_epoch_is_kept(images):
    heads = [HeadSpec(lr=3e-2, epochs=30), HeadSpec(lr=3e-2, epochs=12)]
    trained = finish(train_bank(*images, heads, device="cpu"))
    assert trained.epochs.tolist() == trained.best_epoch.tolist() == [30, 12]
    short = finish(train_bank(*images, heads[1:], device="cpu"))
    np.testing.assert_allclose(short.logits[0], trained.logits[1], atol=1e-6)
    np.testing.assert_allclose(trained.history[0, :12], trained.history[1, :12], atol=1e-6)


@pytest.mark.parametrize("hidden", [0, 16])
def test_heads_learn_what_can_be_learnt(images, hidden):
    trained = finish(train_bank(*images, [HeadSpec(hidden=hidden, lr=1e-2, epochs=30)], device="cpu"))
    assert area(images, trained, TEST)[0] > 0.85
    losses = trained.history[0, :, HISTORY.index("train_loss")]
    assert losses[-1] < 0.7 * losses[0]


def test_permuted_labels_leave_chance(images):
    areas = []
    for seed in range(12):
        labels = np.random.default_rng(seed).permutation(images.labels)
        heads = [HeadSpec(lr=1e-2, epochs=8), HeadSpec(lr=1e-2, epochs=8, hidden=8)]
        trained = finish(train_bank(images.vectors, labels, images.parts, heads, device="cpu"))
        areas.append(auc(labels[images.parts == TEST], trained.logits[:, images.parts == TEST]))
    assert abs(np.mean(areas) - 0.5) < 0.05


def test_the_test_part_changes_nothing_but_its_own_scores(images):
    heads = [HeadSpec(lr=1e-2, epochs=20, patience=3)]
    trained = finish(train_bank(*images, heads, device="cpu"))
    vectors, labels = images.vectors.copy(), images.labels.copy()
    test = images.parts == TEST
    vectors[test], labels[test] = vectors[test] * 5, 1 - labels[test]
    again = finish(train_bank(vectors, labels, images.parts, heads, device="cpu"))
    np.testing.assert_array_equal(again.logits[:, ~test], trained.logits[:, ~test])
    np.testing.assert_array_equal(again.history, trained.history)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(images):
    head = HeadSpec(lr=1e-2, epochs=3, hidden=8, dropout=0.2)
    first, again = (finish(train_bank(*images, [head], device="cpu")) for _ in range(2))
    np.testing.assert_array_equal(first.logits, again.logits)
    other = finish(train_bank(*images, [cut(head, seed=5)], device="cpu"))
    assert np.abs(other.logits - first.logits).max() > 1e-3


def test_history_holds_running_means_and_validation_figures(images):
    """One batch an epoch: the running mean of epoch 2 is the loss of the weights after epoch 1."""
    heads = [HeadSpec(lr=1e-2, batch=1000, epochs=epochs) for epochs in (1, 2)]
    trained = finish(train_bank(*images, heads, device="cpu"))
    for part, row, epoch, first in ((TRAIN, 0, 1, 0), (VALIDATION, 1, 1, 2)):
        logits, labels = trained.logits[row, images.parts == part], images.labels[images.parts == part]
        loss = np.logaddexp(0, np.where(labels == 1, -logits, logits)).mean()
        np.testing.assert_allclose(trained.history[1, epoch, first], loss, atol=1e-5)
        np.testing.assert_allclose(trained.history[1, epoch, first + 1], ((logits > 0) == labels).mean(), atol=1e-6)


@pytest.mark.parametrize("hidden", [0, 8])
def test_three_way_history_is_of_all_classes_and_of_malignant_against_the_rest(threefold, hidden):
    """The loss is of the three classes; accuracy and AUC ask for malignant alone, at log-odds 0."""
    trained = finish(train_bank(*threefold, [HeadSpec(lr=1e-2, epochs=4, hidden=hidden)], device="cpu", classes=3))
    chosen = threefold.parts == VALIDATION
    inputs, labels, weights = threefold.vectors[chosen], threefold.labels[chosen], trained.weights[0]
    if hidden:
        inputs = np.maximum(inputs @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    scores = inputs @ weights["weight"].T + weights["bias"]
    logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    odds = trained.logits[0, chosen]
    expected = [-logs[np.arange(len(labels)), labels].mean(), ((odds > 0) == (labels == 2)).mean()]
    expected.append(auc((labels == 2).astype(int), odds))
    np.testing.assert_allclose(trained.history[0, -1, 2:], expected, atol=1e-5)


def test_three_way_heads_learn_and_stop_by_the_auc_of_malignant(threefold):
    heads = [HeadSpec(lr=lr, epochs=60, patience=4, hidden=hidden) for lr in (3e-2, 1e-2) for hidden in (0, 12)]
    trained = finish(train_bank(*threefold, heads, device="cpu", classes=3))
    areas = trained.history[:, :, HISTORY.index("validation_auc")]
    assert (trained.best_epoch == np.nanargmax(areas, axis=1) + 1).all() and (trained.epochs < 60).all()
    chosen = threefold.parts == TEST
    malignant = (threefold.labels[chosen] == 2).astype(int)
    assert (auc(malignant, trained.logits[:, chosen]) > 0.85).all()


def test_probabilities_are_honest_three_ways(threefold):
    """As with two classes, the mean chance of malignant is its share: the number stored is a log-odds."""
    trained = finish(train_bank(*threefold, [HeadSpec(lr=3e-3, epochs=200)], device="cpu", classes=3))
    chosen = threefold.parts == TRAIN
    chances = 1 / (1 + np.exp(-trained.logits[0, chosen]))
    assert abs(chances.mean() - (threefold.labels[chosen] == 2).mean()) < 0.02


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({1: 0}, "150 training images are not of all 3 classes"),
        ({1: 3}, "Labels must be 0 to 2, the last for malignant"),
    ],
)
def test_labels_that_are_not_three_are_refused(threefold, change, sentence):
    labels = np.array([change.get(label, label) for label in threefold.labels.tolist()])
    with pytest.raises(MammoError, match=sentence):
        finish(train_bank(threefold.vectors, labels, threefold.parts, [HeadSpec()], device="cpu", classes=3))


def test_progress_counts_epochs_and_carries_every_heads_latest_auc(images):
    heads = [HeadSpec(epochs=2), HeadSpec(epochs=3, seed=1), HeadSpec(epochs=1, seed=1)]
    steps = list(train_bank(*images, heads, device="cpu"))
    assert [(step.done, step.total, step.unit) for step in steps] == [(done, 3, "epochs") for done in (1, 2, 3)]
    assert [step.live["epochs"] for step in steps] == [[1, 1, 1], [2, 2, 1], [2, 3, 1]]
    assert all(0 <= value <= 1 for value in steps[-1].live["validation_auc"])
    assert json.dumps([step.live for step in steps], allow_nan=False)


def test_the_history_is_as_long_as_the_longest_head(images):
    trained = finish(train_bank(*images, [HeadSpec(epochs=2), HeadSpec(epochs=5, batch=16)], device="cpu"))
    assert trained.history.shape == (2, 5, len(HISTORY)) and trained.logits.shape == (2, len(images.labels))
    assert trained.logits.dtype == trained.history.dtype == np.float32


@pytest.mark.parametrize("validation", ["one class", "empty"])
def test_validation_without_both_classes_gives_no_auc_and_forbids_patience(images, validation):
    vectors, labels, parts = images.vectors, images.labels, images.parts.copy()
    parts[(parts == VALIDATION) & ((labels == 1) | (validation == "empty"))] = TEST
    trained = finish(train_bank(vectors, labels, parts, [HeadSpec(epochs=2)], device="cpu"))
    assert np.isnan(trained.history[0, :, HISTORY.index("validation_auc")]).all()
    assert np.isfinite(trained.logits).all()
    with pytest.raises(MammoError, match="set patience to 0"):
        finish(train_bank(vectors, labels, parts, [HeadSpec(), HeadSpec(patience=1)], device="cpu"))


def _bad(images, what):
    vectors, labels, parts = images.vectors.copy(), images.labels.copy(), images.parts.copy()
    heads = [HeadSpec(epochs=1)]
    if what == "nan":
        vectors[3, 3] = np.nan
    elif what == "infinite":
        vectors[3, 3], vectors[4, 3] = np.inf, -np.inf
    elif what == "one class":
        labels[parts == TRAIN] = 0
    elif what == "no train":
        parts[parts == TRAIN] = TEST
    elif what == "labels":
        labels[0] = 2
    elif what == "short":
        labels = labels[1:]
    elif what == "optimizer":
        heads = [HeadSpec(optimizer="sgd")]
    elif what == "pool":
        heads = [HeadSpec(pool="mean")]
    else:
        heads = []
    return vectors, labels, parts, heads


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("nan", "not finite"),
        ("infinite", "not finite"),
        ("one class", "150 training images are not of both classes; choose another seed or protocol, or index"),
        ("no train", "0 training images are not of both classes"),
        ("labels", "Labels must be 0"),
        ("short", r"shapes \(290, 40\), \(289,\)"),
        ("optimizer", "no optimiser 'sgd'; choose one of: adam, adamw, nadam"),
        ("pool", "no pool 'mean'; choose one of: flatten, gap, max"),
        ("no heads", "no heads to train"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(images, what, sentence):
    with pytest.raises(MammoError, match=sentence):
        finish(train_bank(*_bad(images, what), device="cpu"))


def test_an_unknown_device_is_refused(images):
    with pytest.raises(MammoError, match="a device 'abacus'; choose cpu"):
        finish(train_bank(*images, [HeadSpec()], device="abacus"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_cuda_device_is_refused(images):
    with pytest.raises(MammoError, match="no CUDA device"):
        finish(train_bank(*images, [HeadSpec()], device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_scores_as_the_processor_does(images, threefold):
    heads = [HeadSpec(epochs=3, lr=1e-3, hidden=hidden, dropout=0.2) for hidden in (0, 12)]
    for found, classes in ((images, 2), (threefold, 3)):
        ours, theirs = (
            finish(train_bank(*found, heads, device=device, classes=classes)).logits for device in ("cuda", "cpu")
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_vectors_that_cannot_be_written_are_read_all_the_same(images):
    vectors = images.vectors.copy()
    vectors.setflags(write=False)
    trained = finish(train_bank(vectors, images.labels, images.parts, [HeadSpec(epochs=1)], device="cpu"))
    assert np.isfinite(trained.logits).all()


@pytest.fixture(scope="module")
def tasks(images, threefold):
    """Splits of unequal sizes, two of two classes and one of three."""
    source = np.random.default_rng(3)
    parts = [images.parts, source.permutation(images.parts), source.permutation(images.parts)]
    parts[1] = np.where((parts[1] == TRAIN) & (np.arange(len(parts[1])) % 2 == 0), 3, parts[1]).astype(np.int8)
    return [Task(images.labels, parts[0]), Task(images.labels, parts[1]), Task(threefold.labels, parts[2], 3)]


MIXED = [
    HeadSpec(optimizer=name, lr=lr, epochs=12, patience=patience, hidden=hidden, dropout=0.2)
    for name in ("adam", "nadam")
    for lr, patience in ((3e-2, 2), (1e-3, 0))
    for hidden in (0, 12)
]


@pytest.mark.parametrize("threads", [1, 3])
def test_splits_that_train_in_one_step_score_as_each_would_alone(images, tasks, threads):
    together = finish(train_splits(Source.of(images.vectors), tasks, MIXED, "cpu", Resources(threads=threads)))
    for task, ours in zip(tasks, together, strict=True):
        alone = finish(train_bank(images.vectors, task.labels, task.parts, MIXED, "cpu", task.classes))
        np.testing.assert_allclose(ours.logits, alone.logits, atol=1e-6)
        np.testing.assert_array_equal(ours.epochs, alone.epochs)
        np.testing.assert_array_equal(ours.best_epoch, alone.best_epoch)
        np.testing.assert_allclose(ours.history, alone.history, atol=1e-5)
        for one, other in zip(ours.weights, alone.weights, strict=True):
            assert one.keys() == other.keys()
            for name, value in one.items():
                np.testing.assert_allclose(value, other[name], atol=1e-6)
    assert len({tuple(one.epochs) for one in together}) > 1


def test_a_wide_head_shared_out_among_threads_scores_as_on_one(images, monkeypatch):
    monkeypatch.setattr("mammo.heads.training.train.WIDE", 1)
    heads = [HeadSpec(lr=1e-2, epochs=3, hidden=40, dropout=0.2)]
    source, task = Source.of(images.vectors), Task(images.labels, images.parts)
    one, many = (finish(train_splits(source, [task], heads, "cpu", Resources(threads=count)))[0] for count in (1, 3))
    np.testing.assert_allclose(one.logits, many.logits, atol=1e-6)
