"""The verb `pretrain`: teach a mini trunk on synthetic lesions and write the weights that come with this package."""

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
from mammo.features.pretraining.data import KINDS, PRETRAINING_SEED, LessonPlan, Patches, Views, draw_lessons
from mammo.features.trunks.locate import SHIPPED
from mammo.features.trunks.networks import IMAGENET_MEAN, IMAGENET_STD, Vgg16, resnet50
from mammo.features.trunks.table import TRUNKS, TrunkKind
from mammo.features.trunks.weights import NOTES
from mammo.progress import Progress, Work
from mammo.statistics.metrics import auc
from mammo.storage.atomic_files import atomic_file
from mammo.storage.json_files import write_json

Lessons: TypeAlias = tuple[Tensor, ...]
"""Tensors with an entry for each picture, the pictures first; those of rows and columns come last in their shape."""

BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
RARE = 4.0
"""Weight of a cell with a lesion against one without."""
HELD_OUT_PATCHES, HELD_OUT_VIEWS = 1000, 600


class Pupil(nn.Module):
    """A trunk and the heads that teach it, which are thrown away afterwards.

    `finding` names a patch's finding from the pooled map; `cell` says for each place of the map whether
    there is a mass or a calcification and how suspicious it is; `view` says for the pooled map how
    suspicious the worst lesion is, whether the view is malignant, and what kinds of lesions it holds.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.finding = nn.Linear(channels, len(PATCH_FINDINGS))
        self.cell = nn.Conv2d(channels, len(KINDS) + 1, 1)
        self.view = nn.Linear(channels, 2 + len(KINDS))

    def forward(self, pictures: Tensor) -> Tensor:
        """The trunk's last map of grey pictures (batch, rows, columns) in 0..1, which it sees as `Forward` has them."""
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        images = ((pictures.float()[:, None] - mean) / std).contiguous(memory_format=torch.channels_last)
        network: Any = self.network
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_precision() == "bfloat16"):
            maps: Tensor = network(images) if isinstance(network, Vgg16) else network.forward_features(images)
        return maps.float()


Loss: TypeAlias = Callable[[Pupil, Lessons], Tensor]


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
    """Teach a mini trunk on patches, then on whole views, and write its weights and figures into the folder `out`.

    Without `out` they go where the shipped weights are; the defaults are what those were made with. The
    same seed gives the same weights on the same processor, torch and number of threads. Returns the
    figures; the AUC is of the written weights on views of other patients. Raises MammoError where `trunk`
    is no mini trunk, the seed is negative or there are too few lessons.
    """
    kind = _mini(trunk)
    _refuse_too_little(seed, patches, views)
    started = time.monotonic()
    base = PRETRAINING_SEED + 2 * seed
    lessons = yield from draw_lessons(base, patches, views, workers)
    exam = yield from draw_lessons(base + 1, min(patches, HELD_OUT_PATCHES), min(views, HELD_OUT_VIEWS), workers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pupil = _pupil(kind)
        yield from _teach(pupil, _of_patches(lessons.patches), patch_loss, patch_epochs, "teach patches")
        accuracy = _patch_accuracy(pupil, exam.patches)
        yield from _teach(pupil, _of_views(lessons.views), view_loss, view_epochs, "teach views")
    pupil.network = _plain(kind, pupil.network)
    figures = {
        **_taught(trunk, seed, patches, views, patch_epochs, view_epochs),
        **_marks(pupil, accuracy, exam),
        "parameters": sum(parameter.numel() for parameter in pupil.network.parameters()),
        **_made_with(),
        "seconds": round(time.monotonic() - started, 1),
    }
    return _write(pupil.network, (out or SHIPPED) / kind.shipped, figures)


def _refuse_too_little(seed: int, patches: int, views: int) -> None:
    if seed < 0:
        raise MammoError(f"The seed of a pretraining is zero or more, not {seed}.")
    if min(patches, views) < BATCH:
        raise MammoError(f"A pretraining needs at least {BATCH} patches and {BATCH} views, not {patches} and {views}.")


def _taught(trunk: str, seed: int, patches: int, views: int, patch_epochs: int, view_epochs: int) -> dict[str, Any]:
    """What the trunk was taught with, and the command that does it again."""
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


def _marks(pupil: Pupil, patch_accuracy: float, exam: LessonPlan) -> dict[str, Any]:
    """How the pupil did: on patches before it went on to views, on views at the end."""
    return {
        "held_out_patches": len(exam.patches.findings),
        "held_out_patch_accuracy": round(patch_accuracy, 4),
        "held_out_views": len(exam.views.malignant),
        "held_out_view_auc": _view_auc(pupil, exam.views),
    }


def _made_with() -> dict[str, Any]:
    return {"precision": fast_precision(), "threads": torch.get_num_threads(), "torch": torch.__version__}


def _mini(trunk: str) -> TrunkKind:
    minis = [name for name, kind in TRUNKS.items() if kind.shipped]
    if trunk not in minis:
        raise MammoError(f"Only mini trunks are pretrained here, not {trunk!r}; choose one of: {', '.join(minis)}.")
    return TRUNKS[trunk]


def _pupil(kind: TrunkKind) -> Pupil:
    """A pupil with a fresh network: a VGG16 with batch norms, without which it learns nothing, or a ResNet50
    whose blocks start as the identity, with which it learns sooner (Goyal et al. 2017, section 5.1).
    """
    network: nn.Module
    if kind.family == "vgg16":
        network = Vgg16(kind.narrowing, nn.BatchNorm2d)
    else:
        network = resnet50(kind.narrowing)
        for name, vector in network.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.zeros_(vector)
    return Pupil(network, kind.taps["features"].channels).to(memory_format=torch.channels_last)


def _of_patches(patches: Patches) -> Lessons:
    return torch.from_numpy(patches.pictures), torch.from_numpy(patches.findings)


def _of_views(views: Views) -> Lessons:
    arrays = (views.pictures, views.lesions, views.suspicion, views.worst, views.malignant, views.kinds)
    return tuple(torch.from_numpy(array) for array in arrays)


def patch_loss(pupil: Pupil, lessons: Lessons) -> Tensor:
    """Cross-entropy of the findings of patches."""
    pictures, findings = lessons
    return functional.cross_entropy(pupil.finding(pupil(pictures).mean(dim=(2, 3))), findings)


def view_loss(pupil: Pupil, lessons: Lessons) -> Tensor:
    """How wrong the pupil is about each cell of views, and about the views as wholes."""
    pictures, lesions, suspicion, worst, malignant, kinds = lessons
    maps = pupil(pictures)
    cells, view = pupil.cell(maps), pupil.view(maps.mean(dim=(2, 3)))
    held = lesions.amax(dim=1)
    where = functional.binary_cross_entropy_with_logits(cells[:, 1:], lesions, weight=1 + (RARE - 1) * lesions)
    how = (held * (cells[:, 0] - suspicion) ** 2).sum() / held.sum()
    whole = functional.mse_loss(view[:, 0], worst)
    named = functional.binary_cross_entropy_with_logits(view[:, 1:], torch.cat([malignant[:, None], kinds], dim=1))
    total: Tensor = where + how + whole + named
    return total


def _teach(pupil: Pupil, lessons: Lessons, loss: Loss, epochs: int, stage: str) -> Work[None]:
    """Go through the lessons `epochs` times with AdamW, the learning rate rising and falling once."""
    steps = epochs * (len(lessons[0]) // BATCH)
    if not steps:
        return
    optimizer = torch.optim.AdamW(pupil.parameters(), weight_decay=WEIGHT_DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    pupil.train()
    for step, batch in enumerate(_batches(lessons, epochs)):
        optimizer.zero_grad(set_to_none=True)
        wrong = loss(pupil, batch)
        wrong.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        yield Progress(stage, step + 1, steps, "batches", {"loss": round(wrong.item(), 4)})
    pupil.eval()


def _batches(lessons: Lessons, epochs: int) -> Iterator[Lessons]:
    """Whole batches in a new order each epoch; half of them mirrored, half turned upside down."""
    for _ in range(epochs):
        order = torch.randperm(len(lessons[0]))
        for rows in order[: len(order) // BATCH * BATCH].view(-1, BATCH):
            axes = [axis for axis in (-1, -2) if torch.rand(()) < 0.5]
            chosen = [lesson[rows] for lesson in lessons]
            yield tuple(one.flip(axes) if one.ndim > 2 else one for one in chosen)


@torch.no_grad()
def _pooled(pupil: Pupil, pictures: np.ndarray[Any, Any]) -> Tensor:
    starts = range(0, len(pictures), BATCH)
    batches = (torch.from_numpy(pictures[start : start + BATCH]) for start in starts)
    return torch.cat([pupil(batch).mean(dim=(2, 3)) for batch in batches])


def _patch_accuracy(pupil: Pupil, asked: Patches) -> float:
    answers = pupil.finding(_pooled(pupil, asked.pictures)).argmax(dim=1)
    return float((answers.numpy() == asked.findings).mean())


def _view_auc(pupil: Pupil, asked: Views) -> float | None:
    """The AUC of the suspicion seen in whole views for malignancy; None where all are of one class."""
    suspicion = pupil.view(_pooled(pupil, asked.pictures))[:, 0].detach().numpy()
    area = float(auc(asked.malignant, suspicion))
    return None if math.isnan(area) else round(area, 4)


def _plain(kind: TrunkKind, taught: nn.Module) -> nn.Module:
    """The taught network as it will be loaded: VGG16 without its batch norms, kernels rounded to half precision."""
    network = fold_batch_norms(taught, kind.narrowing) if isinstance(taught, Vgg16) else taught
    network.load_state_dict(_stored(network), strict=False)
    return network.eval().to(memory_format=torch.channels_last)


def fold_batch_norms(taught: Vgg16, narrowing: int) -> Vgg16:
    """A VGG16 without batch norms that gives what `taught` gives in evaluation mode."""
    folded: list[nn.Module] = []
    for layer in taught.eval().features:
        if isinstance(layer, nn.BatchNorm2d) and isinstance(folded[-1], nn.Conv2d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        else:
            folded.append(layer)
    plain = Vgg16(narrowing)
    plain.features.load_state_dict(nn.Sequential(*folded).state_dict())
    return plain.eval()


def _stored(network: nn.Module) -> dict[str, Tensor]:
    """The tensors to write: kernels in half precision, vectors in single, no counters."""
    tensors = network.state_dict().items()
    kept = {name: tensor for name, tensor in tensors if not name.endswith("num_batches_tracked")}
    return {name: (tensor.half() if tensor.ndim > 1 else tensor).contiguous() for name, tensor in kept.items()}


def _write(network: nn.Module, path: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """Write the weights and, beside them, their figures; both are whole or absent."""
    from safetensors.torch import save

    metadata = {name: value if isinstance(value, str) else json.dumps(value) for name, value in figures.items()}
    content = save(_stored(network), metadata)
    with atomic_file(path) as stream:
        stream.write(content)
    figures = {**figures, "file": path.name, "bytes": len(content)}
    write_json(path.with_suffix(".json"), figures)
    return figures
