"""The pretraining data of mini trunks: synthetic patches and views, and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mammo.data.phantom import PATCH_FINDINGS, Breast, Lesion, Patient, PhantomSpec, draw_patients, lesion_patch
from mammo.data.phantom import render_view as render
from mammo.data.phantom.patients.randomness import generator
from mammo.data.phantom.pictures.arrays import Mask
from mammo.images.resize import RESIZES, Picture
from mammo.processes.parallel import ordered_map
from mammo.progress import Progress, Work

PRETRAINING_SEED = 1_000_000_007
"""The first seed of the phantom for pretraining; a phantom that a user indexes has a smaller seed."""

KINDS = ("mass", "calcification")
PATCH_SIZE = 96
VIEW_SIZE = 224
VIEW_HEIGHT = 640
CELLS = 7
"""A view of 224 pixels has 7 × 7 cells of 32, one for each position of a trunk's last map."""

_PATCHES_A_JOB = 64
_SHARE_OF_A_LESION = 0.25


@dataclass(frozen=True)
class Patches:
    """Patches, float16 (n, PATCH_SIZE, PATCH_SIZE) in 0..1, and the index of each patch's finding, int64 (n,)."""

    pictures: NDArray[np.float16]
    findings: NDArray[np.int64]


@dataclass(frozen=True)
class Views:
    """Views at the size of a trunk's input, float16 (n, VIEW_SIZE, VIEW_SIZE) in 0..1, with their labels.

    `lesions` is 1 in the cells with a mass or a calcification, float32 (n, kinds, CELLS, CELLS); `suspicion`
    is that of the most suspicious lesion in each cell, 0 where there is none, (n, CELLS, CELLS); `worst` is the
    largest of the view (n,); `kinds` (n, kinds) and `malignant` (n,) are 0 or 1.
    """

    pictures: NDArray[np.float16]
    lesions: NDArray[np.float32]
    suspicion: NDArray[np.float32]
    worst: NDArray[np.float32]
    kinds: NDArray[np.float32]
    malignant: NDArray[np.float32]


@dataclass(frozen=True)
class PretrainingData:
    """The data that a trunk is trained on, or tested on."""

    patches: Patches
    views: Views


def draw_pretraining_data(seed: int, patches: int, views: int, workers: int | None = None) -> Work[PretrainingData]:
    """Draw so many patches and views; another seed gives other patients and other tissue."""
    patch_data = yield from draw_patches(seed, patches, workers)
    return PretrainingData(patch_data, (yield from draw_views(seed, views, workers)))


def draw_patches(seed: int, count: int, workers: int | None = None) -> Work[Patches]:
    """Draw `count` patches, the five findings in turn."""
    jobs = ((seed, start, min(_PATCHES_A_JOB, count - start)) for start in range(0, count, _PATCHES_A_JOB))
    batches: list[NDArray[np.float16]] = []
    yield Progress("draw patches", 0, count, "patches")
    for pictures in ordered_map(_patches, jobs, workers):
        batches.append(pictures)
        yield Progress("draw patches", min(len(batches) * _PATCHES_A_JOB, count), count, "patches")
    return Patches(np.concatenate(batches), np.arange(count) % len(PATCH_FINDINGS))


def _patches(job: tuple[int, int, int]) -> NDArray[np.float16]:
    seed, start, count = job
    rng = generator(seed, start, "patches")
    findings = (PATCH_FINDINGS[number % len(PATCH_FINDINGS)] for number in range(start, start + count))
    return np.stack([lesion_patch(rng, finding, PATCH_SIZE) for finding in findings]).astype(np.float16)


def draw_views(seed: int, count: int, workers: int | None = None) -> Work[Views]:
    """Render `count` views of the phantom of `seed`, each stretched or letterboxed at random."""
    patients = draw_patients(PhantomSpec(images=2 * count, seed=seed))
    jobs = islice(_views_of(patients), count)
    rendered: list[_View] = []
    yield Progress("draw views", 0, count, "views")
    for view in ordered_map(_view, jobs, workers):
        rendered.append(view)
        yield Progress("draw views", len(rendered), count, "views")
    return _stack_views(rendered)


def _views_of(patients: Sequence[Patient]) -> Iterator[tuple[Patient, Breast, str]]:
    """Yield every view that shows a lesion, once."""
    for patient in patients:
        for breast in patient.breasts:
            for view in breast.views:
                if breast.lesions_in(view):
                    yield patient, breast, view


@dataclass(frozen=True)
class _View:
    """One view: its picture, and each lesion with the cells that show it."""

    picture: NDArray[np.float16]
    lesions: tuple[tuple[Lesion, Mask], ...]


def _view(job: tuple[Patient, Breast, str]) -> _View:
    patient, breast, view = job
    rng = generator(patient.seed, patient.index, breast.side, view, "resize")
    resize = RESIZES[str(rng.choice(("stretch", "letterbox")))].apply
    rendered = render(patient, breast, view, VIEW_HEIGHT)
    picture = resize(rendered.image.astype(np.float32) / np.float32(65535), VIEW_SIZE)
    cells = ((lesion, _cells(resize(mask.astype(np.float32), VIEW_SIZE))) for lesion, mask in rendered.lesions)
    return _View(picture.astype(np.float16), tuple(cells))


def _cells(mask: Picture) -> Mask:
    """Return the cells that show a good part of a lesion: at least a quarter of the area in its fullest cell."""
    side = VIEW_SIZE // CELLS
    areas = mask.reshape(CELLS, side, CELLS, side).sum(axis=(1, 3))
    return np.asarray(areas >= _SHARE_OF_A_LESION * areas.max(), dtype=np.bool_)


def _stack_views(views: Sequence[_View]) -> Views:
    lesions = np.zeros((len(views), len(KINDS), CELLS, CELLS), np.float32)
    suspicion = np.full((len(views), CELLS, CELLS), -np.inf, np.float32)
    for number, view in enumerate(views):
        for lesion, cells in view.lesions:
            lesions[number, KINDS.index(lesion.kind)][cells] = 1
            suspicion[number][cells] = np.maximum(suspicion[number][cells], lesion.suspicion)
    return Views(
        pictures=np.stack([view.picture for view in views]),
        lesions=lesions,
        suspicion=np.where(np.isfinite(suspicion), suspicion, 0).astype(np.float32),
        worst=suspicion.max(axis=(1, 2)),
        kinds=lesions.max(axis=(2, 3)),
        malignant=np.array([any(lesion.malignant for lesion, _ in view.lesions) for view in views], np.float32),
    )
