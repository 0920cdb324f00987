"""Which versions of an image train when, against a plain loop that is fed the same vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mammo.heads.bank.bank import initial_weights
from mammo.heads.bank.randomness import generator
from mammo.heads.training.train import train_bank
from mammo.heads.training.vectors import Source
from mammo.images import augment
from mammo.images.augment import Augmentation, training_versions
from mammo.progress import finish
from mammo.specs import HeadSpec

HEADS = [HeadSpec(optimizer=name, lr=1e-2, epochs=5) for name in ("adam", "nadam")]


@pytest.fixture(autouse=True)
def augmentations(monkeypatch):
    """One augmentation of each kind."""
    drawn, together = (
        Augmentation("Drawn", "", 1, (1, 50)),
        Augmentation("Together", "", 1, (1, 50), all_in_every_epoch=True),
    )
    monkeypatch.setattr(augment, "AUGMENTATIONS", {"drawn": drawn, "together": together})


@pytest.fixture(scope="module")
def versions(images):
    """The plain vectors and five noisy draws of each."""
    noise = np.random.default_rng(1).normal(0, 0.3, (6, *images.vectors.shape)).astype(np.float32)
    noise[0] = 0
    return images.vectors + noise


def source(versions, name):
    count, images, length = versions.shape
    return Source(
        images,
        length,
        lambda one, rows: versions[one][rows],
        "float32",
        count,
        lambda epoch, first: training_versions(name, first or count - 1, epoch),
    )


def plain_loop(head, fed, plain):
    """Train with torch's optimiser on one list of batches an epoch; returns the logits of `plain` images."""
    layer = torch.nn.Linear(plain.shape[1], 1)
    layer.load_state_dict(initial_weights(head, plain.shape[1]))
    family = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}[head.optimizer]
    optimizer = family(layer.parameters(), lr=head.lr)
    for vectors, labels in fed:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(layer(vectors)[:, 0], labels.float())
        loss.backward()
        optimizer.step()
    return layer(torch.as_tensor(plain)).detach().numpy()[:, 0]


def online(head, images, versions, seed):
    """Augmentation on the fly: every epoch draws each training image anew, here from a list."""
    train = torch.nonzero(torch.as_tensor(images.parts) == 0)[:, 0]
    for epoch in range(1, head.epochs + 1):
        drawn = torch.as_tensor(versions[1 + (epoch - 1) % (len(versions) - 1)])
        order = train[torch.randperm(len(train), generator=generator(seed, "epoch", epoch))]
        for batch in order.split(head.batch):
            yield drawn[batch], torch.as_tensor(images.labels)[batch]


@pytest.mark.parametrize("draws", [2, 5])
def test_a_draw_an_epoch_is_augmentation_on_the_fly(images, versions, draws):
    few = versions[: 1 + draws]
    trained = finish(train_bank(source(few, "drawn"), images.labels, images.parts, HEADS, "cpu"))
    for head, logits in zip(HEADS, trained.logits, strict=True):
        expected = plain_loop(head, online(head, images, few, head.seed), images.vectors)
        np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_a_head_may_take_the_first_draws_alone(images, versions):
    """It is then what it is where there are no others, whichever heads are beside it."""
    heads = [HeadSpec(lr=1e-2, epochs=5, first_draws=number) for number in (2, 0, 5)]
    trained = finish(train_bank(source(versions, "drawn"), images.labels, images.parts, heads, "cpu"))
    alone = finish(train_bank(source(versions[:3], "drawn"), images.labels, images.parts, HEADS[:1], "cpu"))
    np.testing.assert_array_equal(trained.logits[0], alone.logits[0])
    np.testing.assert_array_equal(trained.logits[1], trained.logits[2])
    assert not np.allclose(trained.logits[0], trained.logits[1])


def test_all_versions_train_together_and_none_is_validated(images, versions):
    trained = finish(train_bank(source(versions, "together"), images.labels, images.parts, HEADS, "cpu"))
    train, rest = images.parts == 0, images.parts != 0
    vectors = np.concatenate([*(version[train] for version in versions), images.vectors[rest]])
    labels = np.concatenate([np.tile(images.labels[train], len(versions)), images.labels[rest]])
    parts = np.concatenate([np.zeros(train.sum() * len(versions), np.int8), images.parts[rest]])
    expected = finish(train_bank(vectors, labels, parts, HEADS, "cpu"))
    np.testing.assert_allclose(trained.logits[:, rest], expected.logits[:, -rest.sum() :], atol=1e-6)
    np.testing.assert_allclose(trained.history, expected.history, atol=1e-6)


def test_a_plain_cache_trains_on_plain_images():
    assert list(training_versions("none", 0, 3)) == [0]
    assert [list(training_versions("drawn", 3, epoch)) for epoch in range(1, 6)] == [[1], [2], [3], [1], [2]]
    assert list(training_versions("together", 3, 2)) == [0, 1, 2, 3]


def test_versions_are_read_once_where_they_are_held(images, versions):
    read = []
    whole = source(versions, "drawn")

    def noted(version, rows):
        read.append(version)
        return versions[version][rows]

    held = replace(whole, read=noted).held()
    finish(train_bank(held, images.labels, images.parts, [HeadSpec(epochs=12)], "cpu"))
    assert read == list(range(6))


@pytest.mark.parametrize(("name", "first"), [("together", 0), ("drawn", 0), ("drawn", 2)])
def test_images_that_do_not_train_may_be_scored_by_the_mean_of_their_versions(images, versions, name, first):
    heads = [replace(HEADS[0], first_draws=first, scoring=scoring) for scoring in ("plain", "averaged")]
    plain, averaged = finish(train_bank(source(versions, name), images.labels, images.parts, heads, "cpu")).logits
    trained = finish(train_bank(source(versions, name), images.labels, images.parts, heads[:1], "cpu"))
    weights = trained.weights[0]
    each = [version @ weights["weight"] + weights["bias"] for version in versions[: 1 + (first or 5)]]
    train = images.parts == 0
    np.testing.assert_allclose(averaged[~train], np.mean(each, axis=0)[~train], atol=1e-5)
    np.testing.assert_array_equal(averaged[train], plain[train])
    assert np.abs(averaged - plain)[~train].min() > 0
