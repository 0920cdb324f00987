"""The verb `pretrain`: train a mini trunk on synthetic lesions and write the weights that come with this package."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mammo.data.phantom import PATCH_FINDINGS
from mammo.errors import MammoError
from mammo.features.precision import fast_precision
from mammo.features.pretraining.data import (
    KINDS,
    PRETRAINING_SEED,
    Patches,
    PretrainingData,
    Views,
    draw_pretraining_data,
)
from mammo.features.trunks.locate import SHIPPED
from mammo.features.trunks.networks import IMAGENET_MEAN, IMAGENET_STD, Vgg16, resnet50
from mammo.features.trunks.table import TRUNKS, TrunkKind
from mammo.features.trunks.weights import NOTES
from mammo.progress import Progress, Work
from mammo.statistics.metrics import auc
from mammo.storage.atomic_files import atomic_file
from mammo.storage.json_files import write_json

TensorTuple: TypeAlias = tuple[Tensor, ...]
"""Pictures and their labels: tensors with one entry per picture; rows and columns are the last dimensions."""

BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
LESION_WEIGHT = 4.0
"""The weight of a cell with a lesion, relative to a cell without."""
HELD_OUT_PATCHES, HELD_OUT_VIEWS = 1000, 600


class PretrainModel(nn.Module):
    """A trunk with the heads for its pretraining, which are discarded afterwards.

    `finding` predicts a patch's finding from the pooled map. `cell` predicts for each position of the map how
    suspicious it is, and whether there is a mass or a calcification. `view` predicts from the pooled map how
    suspicious the worst lesion is, whether the view is malignant, and which kinds of lesions it shows.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.finding = nn.Linear(channels, len(PATCH_FINDINGS))
        self.cell = nn.Conv2d(channels, len(KINDS) + 1, 1)
        self.view = nn.Linear(channels, 2 + len(KINDS))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the trunk's last map for grey pictures (batch, rows, columns) in 0..1, normalised as in `Forward`."""
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        images = ((pictures.float()[:, None] - mean) / std).contiguous(memory_format=torch.channels_last)
        network: Any = self.network
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_precision() == "bfloat16"):
            maps: Tensor = network(images) if isinstance(network, Vgg16) else network.forward_features(images)
        return maps.float()


Loss: TypeAlias = Callable[[PretrainModel, TensorTuple], Tensor]


def pretrain(
    trunk: str,
    seed: int,
    out: Path | None = None,
    patches: int = 16_000,
    views: int = 4_000,
    patch_epochs: int = 4,
    view_epochs: int = 3,
    workers: int | None = None,
) -> Work[dict[str, Any]]:
    """Train a mini trunk on patches, then on views, and write its weights and figures into the folder `out`.

    The default of `out` is the folder of the shipped weights, and the other defaults are those they were trained
    with. The same seed gives the same weights with the same processor, version of torch and number of threads.
    Returns the figures; their AUC is that of the written weights on views of other patients. Raises MammoError
    where `trunk` is not a mini trunk, the seed is negative or there are too few patches or views.
    """
    kind = _find_mini(trunk)
    _refuse_too_little(seed, patches, views)
    started = time.monotonic()
    base = PRETRAINING_SEED + 2 * seed
    data = yield from draw_pretraining_data(base, patches, views, workers)
    holdout = yield from draw_pretraining_data(
        base + 1, min(patches, HELD_OUT_PATCHES), min(views, HELD_OUT_VIEWS), workers
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _build_model(kind)
        yield from _train(model, _patch_tensors(data.patches), patch_loss, patch_epochs, "teach patches")
        accuracy = _patch_accuracy(model, holdout.patches)
        yield from _train(model, _view_tensors(data.views), view_loss, view_epochs, "teach views")
    model.network = _loadable_network(kind, model.network)
    figures = {
        **_training_facts(trunk, seed, patches, views, patch_epochs, view_epochs),
        **_holdout_metrics(model, accuracy, holdout),
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        **_environment(),
        "seconds": round(time.monotonic() - started, 1),
    }
    return _write(model.network, (out or SHIPPED) / kind.shipped, figures)


def _refuse_too_little(seed: int, patches: int, views: int) -> None:
    if seed < 0:
        raise MammoError(f"The seed of a pretraining is zero or more, not {seed}.")
    if min(patches, views) < BATCH:
        raise MammoError(f"A pretraining needs at least {BATCH} patches and {BATCH} views, not {patches} and {views}.")


def _training_facts(
    trunk: str, seed: int, patches: int, views: int, patch_epochs: int, view_epochs: int
) -> dict[str, Any]:
    """Return what the trunk was trained with, and the command that repeats the training."""
    return {
        "trunk": trunk,
        "seed": seed,
        "command": f"mammo pretrain {trunk} --seed {seed}",
        "trained_on": NOTES["synthetic"],
        "patches": patches,
        "patch_epochs": patch_epochs,
        "views": views,
        "view_epochs": view_epochs,
    }


def _holdout_metrics(model: PretrainModel, patch_accuracy: float, holdout: PretrainingData) -> dict[str, Any]:
    """Return the metrics on held-out data: on patches before the training on views, on views at the end."""
    return {
        "held_out_patches": len(holdout.patches.findings),
        "held_out_patch_accuracy": round(patch_accuracy, 4),
        "held_out_views": len(holdout.views.malignant),
        "held_out_view_auc": _view_auc(model, holdout.views),
    }


def _environment() -> dict[str, Any]:
    return {"precision": fast_precision(), "threads": torch.get_num_threads(), "torch": torch.__version__}


def _find_mini(trunk: str) -> TrunkKind:
    minis = [name for name, kind in TRUNKS.items() if kind.shipped]
    if trunk not in minis:
        raise MammoError(f"Only mini trunks are pretrained here, not {trunk!r}; choose one of: {', '.join(minis)}.")
    return TRUNKS[trunk]


def _build_model(kind: TrunkKind) -> PretrainModel:
    """Return a model with a new network: a VGG16 with batch norms, without which it does not learn, or a ResNet50
    whose blocks start as the identity, with which it learns faster (Goyal et al. 2017, section 5.1).
    """
    network: nn.Module
    if kind.family == "vgg16":
        network = Vgg16(kind.narrowing, nn.BatchNorm2d)
    else:
        network = resnet50(kind.narrowing)
        for name, vector in network.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.zeros_(vector)
    return PretrainModel(network, kind.taps["features"].channels).to(memory_format=torch.channels_last)


def _patch_tensors(patches: Patches) -> TensorTuple:
    return torch.from_numpy(patches.pictures), torch.from_numpy(patches.findings)


def _view_tensors(views: Views) -> TensorTuple:
    arrays = (views.pictures, views.lesions, views.suspicion, views.worst, views.malignant, views.kinds)
    return tuple(torch.from_numpy(array) for array in arrays)


def patch_loss(model: PretrainModel, data: TensorTuple) -> Tensor:
    """Return the cross-entropy of the findings of patches."""
    pictures, findings = data
    return functional.cross_entropy(model.finding(model(pictures).mean(dim=(2, 3))), findings)


def view_loss(model: PretrainModel, data: TensorTuple) -> Tensor:
    """Return the sum of the losses for the cells of views (lesion, suspicion) and for the views (worst, classes)."""
    pictures, lesions, suspicion, worst, malignant, kinds = data
    maps = model(pictures)
    cells, view = model.cell(maps), model.view(maps.mean(dim=(2, 3)))
    lesion_cells = lesions.amax(dim=1)
    lesion_loss = functional.binary_cross_entropy_with_logits(
        cells[:, 1:], lesions, weight=1 + (LESION_WEIGHT - 1) * lesions
    )
    suspicion_loss = (lesion_cells * (cells[:, 0] - suspicion) ** 2).sum() / lesion_cells.sum()
    worst_loss = functional.mse_loss(view[:, 0], worst)
    class_loss = functional.binary_cross_entropy_with_logits(view[:, 1:], torch.cat([malignant[:, None], kinds], dim=1))
    total: Tensor = lesion_loss + suspicion_loss + worst_loss + class_loss
    return total


def _train(model: PretrainModel, data: TensorTuple, loss: Loss, epochs: int, stage: str) -> Work[None]:
    """Train for `epochs` epochs with AdamW; the learning rate rises and falls once."""
    steps = epochs * (len(data[0]) // BATCH)
    if not steps:
        return
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    model.train()
    for step, batch in enumerate(_batches(data, epochs)):
        optimizer.zero_grad(set_to_none=True)
        batch_loss = loss(model, batch)
        batch_loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        yield Progress(stage, step + 1, steps, "batches", {"loss": round(batch_loss.item(), 4)})
    model.eval()


def _batches(data: TensorTuple, epochs: int) -> Iterator[TensorTuple]:
    """Yield full batches, in a new order each epoch; each is mirrored, and turned upside down, with probability 1/2."""
    for _ in range(epochs):
        order = torch.randperm(len(data[0]))
        for rows in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            axes = [axis for axis in (-1, -2) if torch.rand(()) < 0.5]
            batch = [tensor[rows] for tensor in data]
            yield tuple(tensor.flip(axes) if tensor.ndim > 2 else tensor for tensor in batch)


@torch.no_grad()
def _pooled(model: PretrainModel, pictures: np.ndarray[Any, Any]) -> Tensor:
    starts = range(0, len(pictures), BATCH)
    batches = (torch.from_numpy(pictures[start : start + BATCH]) for start in starts)
    return torch.cat([model(batch).mean(dim=(2, 3)) for batch in batches])


def _patch_accuracy(model: PretrainModel, patches: Patches) -> float:
    predictions = model.finding(_pooled(model, patches.pictures)).argmax(dim=1)
    return float((predictions.numpy() == patches.findings).mean())


def _view_auc(model: PretrainModel, views: Views) -> float | None:
    """Return the AUC of the suspicion of views for malignancy; None where all views are of one class."""
    suspicion = model.view(_pooled(model, views.pictures))[:, 0].detach().numpy()
    value = float(auc(views.malignant, suspicion))
    return None if math.isnan(value) else round(value, 4)


def _loadable_network(kind: TrunkKind, trained: nn.Module) -> nn.Module:
    """Return the trained network as it will be loaded: VGG16 without batch norms, kernels in half precision."""
    network = fold_batch_norms(trained, kind.narrowing) if isinstance(trained, Vgg16) else trained
    network.load_state_dict(_tensors_to_store(network), strict=False)
    return network.eval().to(memory_format=torch.channels_last)


def fold_batch_norms(trained: Vgg16, narrowing: int) -> Vgg16:
    """Return a VGG16 without batch norms that computes the same as `trained` in evaluation mode."""
    folded: list[nn.Module] = []
    for layer in trained.eval().features:
        if isinstance(layer, nn.BatchNorm2d) and isinstance(folded[-1], nn.Conv2d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        else:
            folded.append(layer)
    plain = Vgg16(narrowing)
    plain.features.load_state_dict(nn.Sequential(*folded).state_dict())
    return plain.eval()


def _tensors_to_store(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors to write: kernels in half precision, vectors in single precision, no counters."""
    tensors = network.state_dict().items()
    stored = {name: tensor for name, tensor in tensors if not name.endswith("num_batches_tracked")}
    return {name: (tensor.half() if tensor.ndim > 1 else tensor).contiguous() for name, tensor in stored.items()}


def _write(network: nn.Module, path: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """Write the weights and, beside them, their figures; each file is complete or absent. Return the figures."""
    from safetensors.torch import save

    metadata = {name: value if isinstance(value, str) else json.dumps(value) for name, value in figures.items()}
    content = save(_tensors_to_store(network), metadata)
    with atomic_file(path) as stream:
        stream.write(content)
    figures = {**figures, "file": path.name, "bytes": len(content)}
    write_json(path.with_suffix(".json"), figures)
    return figures
