"""The bank against torch's own optimisers, one head at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torchvision.ops import sigmoid_focal_loss

from mammo.heads.bank.bank import Bank, initial_weights, outputs
from mammo.heads.bank.randomness import generator
from mammo.heads.bank.schedule import BatchSchedule
from mammo.heads.training.train import train_bank
from mammo.progress import finish
from mammo.specs import HeadSpec

LINEAR = [HeadSpec(optimizer=name, lr=lr, epochs=10) for name in ("adam", "nadam") for lr in (1e-2, 1e-3, 1e-4)]
HIDDEN = [HeadSpec(hidden=12, optimizer=head.optimizer, lr=head.lr, epochs=10) for head in LINEAR]
DECAYED = [
    HeadSpec(optimizer="adamw", weight_decay=decay, lr=lr, epochs=10, hidden=hidden)
    for decay, lr, hidden in itertools.product((0.1, 3.0), (1e-2, 1e-3), (0, 12))
]
LOST = [
    HeadSpec(loss=loss, pos_weight=3.0, gamma=gamma, lr=1e-2, epochs=10, hidden=hidden)
    for loss, gamma, hidden in [("weighted", 0.5, 0), ("weighted", 0.5, 12), ("focal", 2, 0), ("focal", 0.5, 12)]
]
TORCHS = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam, "adamw": torch.optim.AdamW}
CPU = torch.device("cpu")


def torchs_loss(logits, truth, head):
    """The mean loss as torch and torchvision compute it."""
    if head.loss == "focal":
        return sigmoid_focal_loss(logits, truth, alpha=-1, gamma=head.gamma, reduction="mean")
    weight = torch.tensor(head.pos_weight)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight)


def torch_alone(images, head, classes=2):
    """Train one head as anyone would: a torch module, its optimiser, and the bank's weights and batch order."""
    vectors, labels, parts = (torch.as_tensor(array) for array in images)
    features, start = vectors.shape[1], initial_weights(head, vectors.shape[1], classes)
    outputs = 1 if classes == 2 else classes
    sizes = [features, head.hidden, outputs] if head.hidden else [features, outputs]
    layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
    names = ["hidden.weight", "hidden.bias", "weight", "bias"] if head.hidden else ["weight", "bias"]
    module = torch.nn.Sequential(layers[0], *(part for layer in layers[1:] for part in (torch.nn.ReLU(), layer)))
    with torch.no_grad():
        for parameter, name in zip(module.parameters(), names, strict=True):
            parameter.copy_(start[name].view(parameter.shape))
    optimizer = TORCHS[head.optimizer](module.parameters(), lr=head.lr, weight_decay=head.weight_decay)
    rows = torch.nonzero(parts == 0)[:, 0]
    for epoch in range(1, head.epochs + 1):
        order = rows[torch.randperm(len(rows), generator=generator(head.seed, "epoch", epoch))]
        for batch in order.split(head.batch):
            optimizer.zero_grad()
            if classes == 2:
                logits = module(vectors[batch])[:, 0]
                torchs_loss(logits, labels[batch].float(), head).backward()
            else:
                torch.nn.CrossEntropyLoss()(module(vectors[batch]), labels[batch]).backward()
            optimizer.step()
    scores = module(vectors).detach()
    odds = scores[:, 0] if classes == 2 else scores[:, 2] - torch.log(scores[:, 0].exp() + scores[:, 1].exp())
    return odds.numpy()


def test_each_head_of_a_mixed_bank_scores_as_torch_alone(images):
    heads = LINEAR + HIDDEN + DECAYED + LOST
    assert (images.parts == 0).sum() % heads[0].batch  # the last batch is short
    together = finish(train_bank(*images, heads, device="cpu"))
    for head, logits in zip(heads, together.logits, strict=True):
        np.testing.assert_allclose(logits, torch_alone(images, head), atol=1e-4, err_msg=str(head))


def test_each_three_way_head_scores_as_torch_alone(threefold):
    heads = LINEAR + HIDDEN
    together = finish(train_bank(*threefold, heads, device="cpu", classes=3))
    for head, logits in zip(heads, together.logits, strict=True):
        np.testing.assert_allclose(logits, torch_alone(threefold, head, 3), atol=1e-4, err_msg=str(head))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("heads", [LINEAR, HIDDEN], ids=["linear", "hidden"])
def test_a_head_does_not_depend_on_its_neighbours(request, heads, classes):
    images = request.getfixturevalue("images" if classes == 2 else "threefold")
    heads = [
        HeadSpec(**{**head.to_json(), "dropout": 0.3, "patience": 3 * (row % 2)}) for row, head in enumerate(heads)
    ]
    together = finish(train_bank(*images, heads, device="cpu", classes=classes))
    backwards = finish(train_bank(*images, heads[::-1] * 3, device="cpu", classes=classes))
    for row, head in enumerate(heads):
        alone = finish(train_bank(*images, [head], device="cpu", classes=classes))
        np.testing.assert_allclose(alone.logits[0], together.logits[row], atol=1e-6)
        np.testing.assert_allclose(backwards.logits[-1 - row], together.logits[row], atol=1e-6)
        assert alone.epochs[0] == together.epochs[row]
        assert alone.best_epoch[0] == together.best_epoch[row]


@pytest.mark.parametrize("hidden", [0, 12])
def test_the_weights_score_the_images(images, hidden):
    head = HeadSpec(hidden=hidden, lr=1e-2, epochs=3, dropout=0.4)
    trained = finish(train_bank(*images, [head], device="cpu"))
    weights, inputs = trained.weights[0], images.vectors
    if hidden:
        assert weights["hidden.weight"].shape == (hidden, inputs.shape[1])
        inputs = np.maximum(inputs @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    assert weights["bias"].shape == ()
    np.testing.assert_allclose(trained.logits[0], inputs @ weights["weight"] + weights["bias"], atol=1e-4)


@pytest.mark.parametrize("hidden", [0, 12])
def test_the_weights_of_all_classes_score_the_images(threefold, hidden):
    head = HeadSpec(hidden=hidden, lr=1e-2, epochs=3, dropout=0.4)
    trained = finish(train_bank(*threefold, [head], device="cpu", classes=3))
    weights, inputs = trained.weights[0], threefold.vectors
    if hidden:
        inputs = np.maximum(inputs @ weights["hidden.weight"].T + weights["hidden.bias"], 0)
    assert weights["weight"].shape == (3, inputs.shape[1]) and weights["bias"].shape == (3,)
    scores = inputs @ weights["weight"].T + weights["bias"]
    odds = scores[:, 2] - np.logaddexp(scores[:, 0], scores[:, 1])
    np.testing.assert_allclose(trained.logits[0], odds, atol=1e-4)


@pytest.mark.parametrize("hidden", [0, 12])
def test_dropout_acts_in_training_and_not_in_scoring(images, hidden):
    vectors, labels = torch.from_numpy(images.vectors), torch.from_numpy(images.labels).float()
    rows = torch.arange(len(labels))
    counts = torch.full((1, 1, len(labels)), 1 / len(labels))
    schedule = BatchSchedule(vectors, rows[None, None], labels[None, None, None], counts, [1])
    plain, dropped = (
        Bank([[HeadSpec(hidden=hidden, dropout=rate, batch=len(labels))]], vectors.shape[1], CPU) for rate in (0.0, 0.5)
    )
    before = [outputs(bank.weights, vectors, rows)[0, 0] for bank in (plain, dropped)]
    assert torch.equal(*before)
    seen, seen_dropped = (bank.learn(schedule, [generator(0, "field")])[0, 0] for bank in (plain, dropped))
    torch.testing.assert_close(seen, before[0], atol=1e-6, rtol=0)
    assert (seen != seen_dropped).float().mean() > 0.9
    assert abs(seen.mean() - seen_dropped.mean()) < 0.1


@pytest.mark.parametrize("hidden", [0, 64])
def test_dropout_drops_its_share_and_keeps_the_mean(hidden):
    rates = [0.25, 0.25] if not hidden else [0.25, 0.75]
    bank = Bank([[HeadSpec(hidden=hidden, dropout=rate) for rate in rates]], 50, CPU)
    (keep,) = bank._fields(50, 4000, [generator(0, "field")])(slice(None))
    for head, rate in enumerate(rates):
        field = keep[head] if hidden else keep
        assert abs((field == 0).float().mean() - rate) < 0.01
        assert abs(field.mean() - 1) < 0.03
    if hidden:
        assert not ((keep[0] == 0) & (keep[1] > 0)).any()  # one field: what the low rate drops, the high rate drops


def test_weights_start_as_keras_dense():
    weights = initial_weights(HeadSpec(hidden=64), 300)
    assert weights["weight"].shape == (1, 64) and weights["bias"].shape == (1,)
    assert initial_weights(HeadSpec(), 300, 3)["weight"].shape == (3, 300)
    for name, fans in (("hidden.weight", 364), ("weight", 65)):
        limit = (6 / fans) ** 0.5
        assert 0.9 * limit < weights[name].abs().max() <= limit
    assert abs(weights["hidden.weight"].std() - (2 / 364) ** 0.5) < 0.002
    assert not weights["hidden.bias"].any() and not weights["bias"].any()
    assert not torch.equal(weights["weight"], initial_weights(HeadSpec(hidden=64, seed=1), 300)["weight"])


@pytest.mark.parametrize("compiled", [True, False])
def test_a_wide_layer_is_updated_in_tiles_without_a_trace(images, monkeypatch, compiled):
    if not compiled:
        monkeypatch.setattr("mammo.heads.bank.update.compiled", lambda *_: None)
    monkeypatch.setattr("mammo.heads.bank.bank.suits", lambda *_: False)
    heads = [HeadSpec(lr=1e-2 / (row + 1), epochs=2) for row in range(40)]
    whole = finish(train_bank(*images, heads, device="cpu"))
    monkeypatch.setattr("mammo.heads.bank.step.TILE_NUMBERS", 0)
    monkeypatch.setattr("mammo.heads.bank.step.LEAST_COLUMNS", 16)
    assert images.vectors.shape[1] % 16
    np.testing.assert_allclose(finish(train_bank(*images, heads, device="cpu")).logits, whole.logits, atol=1e-6)
