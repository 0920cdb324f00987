"""Steps whose number stands on the device train as those that Python counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mammo.heads.bank import bank
from mammo.heads.bank.cuda_graph import CudaGraph
from mammo.heads.training.task import Task
from mammo.heads.training.train import train_splits
from mammo.heads.training.vectors import Source
from mammo.progress import finish
from mammo.specs import HeadSpec

HEADS = [
    HeadSpec(lr=lr, epochs=8, patience=patience, hidden=hidden)
    for hidden in (0, 12)
    for lr, patience in ((3e-2, 1), (1e-3, 0))
]


@pytest.fixture(
    params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
)
def device(request):
    return request.param


def train(images, device):
    parts = [images.parts, np.random.default_rng(5).permutation(images.parts)]
    parts[1][:9] = 3
    return finish(train_splits(Source.of(images.vectors), [Task(images.labels, one) for one in parts], HEADS, device))


def test_replayed_steps_train_as_counted_ones(images, device, monkeypatch):
    """Also where heads stop early, and where one split has fewer steps than the other."""
    monkeypatch.setattr(bank, "suits", lambda *_: False)
    counted = train(images, "cpu")
    taken = []
    start, run = bank.Bank.__init__, CudaGraph.run

    def replayed(self, *arguments):
        start(self, *arguments)
        self.replayed = True

    def noted(self, batches, scores):
        taken.append(len(batches.rows))
        run(self, batches, scores)

    monkeypatch.setattr(bank.Bank, "__init__", replayed)
    monkeypatch.setattr(CudaGraph, "run", noted)
    made = train(images, device)
    assert len(taken) > 10
    for one, other in zip(made, counted, strict=True):
        alike = one.epochs == other.epochs  # rounding may stop a head an epoch sooner or later
        assert alike.all() if device == "cpu" else alike.any()
        np.testing.assert_allclose(one.logits[alike], other.logits[alike], atol=1e-6 if device == "cpu" else 1e-4)
