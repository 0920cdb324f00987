"""Whole sweeps and the whole report, against the same epochs with the trunk run again for every image and epoch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.guard import write_files
from benchmarks.images import SIZE, plain_forward
from benchmarks.timing import Race, seconds
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.manifest import index_manifest
from mammo.data.splits.protocols import TRAIN, VALIDATION, draw
from mammo.estimates.trunk_prices import store
from mammo.features.cache.cache import CHUNK
from mammo.features.extraction.extract import extract
from mammo.features.precision import fast_precision
from mammo.features.trunks.table import find_trunk
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import Work, finish
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec

NAME = "bench"
IMAGES, EPOCHS, SPLITS, HEADS = 2300, 50, 5, 64
SOME = 32
"""Images by which a plain forward is timed."""
FILMS, DISTINCT = CHUNK + 6, 14
"""Films of 5000 × 3000 that are extracted, and how many of them there are under several names."""
TRIED = 2
"""Epochs that are trained of the report's; the last stands for those that follow."""


@dataclass(frozen=True)
class Rows:
    """Rows of the report that train together: their features, pool, hidden units, optimisers and learning rates."""

    trunk: str
    pool: str
    hidden: int
    heads: tuple[tuple[str, float], ...]
    caches: int = 1


REPORT = (
    Rows("vgg16", "flatten", 0, (("adam", 1e-4), ("nadam", 1e-4), ("adam", 1e-5), ("adam", 1e-3))),
    Rows("vgg16", "gap", 0, (("adam", 1e-5),)),
    Rows("vgg16", "flatten", 0, (("adam", 1e-4),), caches=2),
    Rows("resnet50", "flatten", 128, (("nadam", 1e-4),)),
    Rows("resnet50", "gap", 128, (("nadam", 1e-4), ("nadam", 1e-3), ("nadam", 1e-5))),
)
"""The report's eleven rows on a frozen trunk and plain images, by what they are trained from.

One row is of the self-written preprocessing and one keeps the ratio: each has a cache of its own.
"""
VARIANTS = (
    ("vgg16", "builtin", "stretch"),
    ("vgg16", "enhanced", "stretch"),
    ("vgg16", "builtin", "letterbox"),
    ("resnet50", "builtin", "stretch"),
)
"""The features that those rows need: trunk, preprocessing, resize."""


@contextmanager
def listed(root: Path, write: Callable[[Path], list[Path]]) -> Iterator[Home]:
    """A home with a data set of the files that `write` makes, two in five malignant."""
    home = Home(root / "home")
    rows = [f"{path.name},{'BBM'[number % 5 // 2]}" for number, path in enumerate(write(root))]
    (root / "images.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    finish(index_manifest(home, NAME, root / "images.csv"))
    yield home


def squares(root: Path) -> list[Path]:
    """Small pictures: what is trained on are features that no file has."""
    from PIL import Image

    paths = [root / f"{number:04d}.png" for number in range(IMAGES)]
    noise = np.random.default_rng(0).integers(0, 255, (IMAGES, 32, 32)).astype(np.uint8)
    for path, picture in zip(paths, noise, strict=True):
        Image.fromarray(picture).save(path, compress_level=1)
    return paths


def _films(root: Path) -> list[Path]:
    """Films under several names: a file read again is as long as another one."""
    paths = write_files(root, DISTINCT)
    paths = [root / f"film-{number:04d}.dcm" for number in range(FILMS)]
    for number, path in enumerate(paths):
        os.link(paths[number % DISTINCT], path)
    return paths


def _split(redraw: int) -> SplitSpec:
    return SplitSpec("paper", redraw=redraw)


def random_features(home: Home, trunk: str) -> str:
    """A cache of random activations, three in four of them zero, at the fastest precision."""
    dataset, spec = Dataset.open(home, NAME), CacheSpec(NAME, trunk, "random-0", precision=fast_precision())
    shape = find_trunk(trunk).map_shape(spec.tap, spec.size)
    source = np.random.default_rng(0)
    maps = np.empty((IMAGES, *shape), np.float16)
    for start in range(0, IMAGES, CHUNK):
        part = maps[start : start + CHUNK]
        part[:] = np.maximum(source.standard_normal(part.shape, np.float32) - 0.67, 0)
    ids = list(dataset.table("full")["image"])
    return store(home, spec, maps, maps.mean((2, 3), np.float32), dataset.digest("full"), ids).name


def _rate(trunk: str) -> Callable[[], float]:
    """Measures the seconds that an image takes through a plain float32 trunk."""
    forward = plain_forward(trunk, np.random.default_rng(0).random((SOME, SIZE, SIZE)).astype(np.float32))
    forward()
    return lambda: seconds(forward) / SOME


def _images_an_epoch(home: Home) -> int:
    """How many images an epoch sees, to train and to validate."""
    parts = draw(Dataset.open(home, NAME).table("full"), _split(0))
    return int(np.isin(parts, (TRAIN, VALIDATION)).sum())


def sweeping(repeats: int) -> Race:
    """A sweep of 64 heads and 50 epochs on a finished cache of VGG16 Flatten features, read and stored, in seconds.

    The peer is the same end to end, the trunk run again for every head, image and epoch: far too long to run, so
    its time is that of the trunk's plain float32 forward, measured in this repeat, times heads, images and epochs.
    """
    with tempfile.TemporaryDirectory() as folder, listed(Path(folder), squares) as home:
        cache, rate = random_features(home, "vgg16"), _rate("vgg16")
        heads = expand({"optimizer": ["adam", "nadam"], "lr": [1e-5 * (1 + n) for n in range(HEADS // 2)]})
        images_read = _images_an_epoch(home) * HEADS * EPOCHS
        our_times, peer_times = [], []
        for redraw in range(repeats):
            spec = SweepSpec(NAME, (cache,), tuple(replace(head, epochs=EPOCHS) for head in heads), (_split(redraw),))
            our_times.append(seconds(partial(_train, home, spec)))
            peer_times.append(rate() * images_read)
    return Race(our_times, peer_times)


def _train(home: Home, spec: SweepSpec) -> None:
    finish(sweep(home, spec))


def reporting(repeats: int) -> Race:
    """The report's eleven frozen rows on plain images, five splits, 50 epochs, extraction included, in seconds.

    Ours: the features of 2,300 films of 5000 × 3000, by what a film took of 70 that are extracted, every file read once
    for all four caches; and the sweeps on 2,300 images of each cache's size, of which two epochs are trained and the
    second counts for those that follow. The peer: the trunk's plain float32 forward, measured in this repeat, for every
    row, split, epoch and image that trains or validates; what its heads cost is left out, as is reading its images.
    """
    with tempfile.TemporaryDirectory() as first_folder, tempfile.TemporaryDirectory() as second_folder:
        with listed(Path(first_folder), _films) as films, listed(Path(second_folder), squares) as home:
            caches = {trunk: random_features(home, trunk) for trunk in ("vgg16", "resnet50")}
            rates = {trunk: _rate(trunk) for trunk in caches}
            images_read = _images_an_epoch(home) * EPOCHS * SPLITS
            our_times, peer_times = [], []
            for number in range(repeats):
                training = sum(rows.caches * _training(home, caches[rows.trunk], rows, number) for rows in REPORT)
                our_times.append(_extracting(films, number) + training)
                image_times = {trunk: rate() for trunk, rate in rates.items()}
                peer_times.append(
                    images_read * sum(len(rows.heads) * rows.caches * image_times[rows.trunk] for rows in REPORT)
                )
    return Race(our_times, peer_times)


def _extracting(home: Home, number: int) -> float:
    """Seconds that the features of `IMAGES` films would take."""
    specs = [
        CacheSpec(NAME, trunk, f"random-{number}", preprocess=preprocess, resize=resize, precision=fast_precision())
        for trunk, preprocess, resize in VARIANTS
    ]
    times = _timed(extract(home, specs))
    return times[0] + (times[-1] - times[0]) * IMAGES / FILMS


def _training(home: Home, cache: str, rows: Rows, number: int) -> float:
    """Seconds that a sweep of some rows would take."""
    heads = tuple(HeadSpec(rows.pool, rows.hidden, 0.0, name, lr, epochs=TRIED) for name, lr in rows.heads)
    splits = tuple(_split(number * SPLITS + redraw) for redraw in range(SPLITS))
    times = _timed(sweep(home, SweepSpec(NAME, (cache,), heads, splits)))
    epochs = times[:-2]  # round by round of heads that train at once; then the sweep tells of its end, and ends
    last = sum(epochs[index] - epochs[index - 1] for index in range(TRIED - 1, len(epochs), TRIED))
    return times[-1] + (EPOCHS - TRIED) * last


def _timed(work: Work[object]) -> list[float]:
    """Seconds from the beginning to every step that is told, and to the end."""
    begun = time.perf_counter()
    return [time.perf_counter() - begun for _ in work] + [time.perf_counter() - begun]
