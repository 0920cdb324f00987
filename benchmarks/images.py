"""From files to squares, and from squares to a cache: ours against pydicom, scikit-image, torch and Keras."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.guard import write_files
from benchmarks.timing import Race, race
from mammo.data.files.indexed_file import IndexedFile
from mammo.images.prepare import Variant, prepare
from mammo.processes.parallel import cores, ordered_map
from mammo.storage.digests import digest_file

if TYPE_CHECKING:
    from mammo.features.cache.cache import Cache

FILES, SIZE = 12, 224
PICTURES = 192
STORED = 2000
VARIANTS = (Variant("builtin", "stretch", SIZE), Variant("builtin", "letterbox", SIZE))
FITTING = (SIZE, round(SIZE * 3000 / 5000))


def plainly(path: Path) -> list[NDArray[np.float32]]:
    """Stretch and letterbox as their documentation would have it."""
    from pydicom import dcmread
    from skimage.transform import resize

    picture = dcmread(path).pixel_array.astype(np.float32) / np.float32(65535)
    boxed = np.zeros((SIZE, SIZE), np.float32)
    left = (SIZE - FITTING[1]) // 2
    boxed[:, left : left + FITTING[1]] = resize(picture, FITTING)
    return [resize(picture, (SIZE, SIZE)), boxed]


def ours(source: IndexedFile) -> list[NDArray[np.float32]]:
    """The same two squares, our way."""
    return prepare((source, VARIANTS))


def preparing(repeats: int) -> Race:
    """Full 16-bit films of 5000 × 3000 to two squares each, on all cores, in seconds an image.

    Raises RuntimeError where the two ways differ by more than 1e-5.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), FILES)
        sources = [_source(path) for path in paths]
        for square, peer_square in zip(ours(sources[0]), plainly(paths[0]), strict=True):
            if (most := float(np.abs(square - peer_square).max())) > 1e-5:
                raise RuntimeError(f"our squares differ from scikit-image's by {most}")
        times = race(
            lambda: list(ordered_map(ours, sources, cores())),
            lambda: list(ordered_map(plainly, paths, cores())),
            repeats,
            4,
        )
    return Race([duration / FILES for duration in times.ours], [duration / FILES for duration in times.peer])


def _source(path: Path) -> IndexedFile:
    stat = path.stat()
    return IndexedFile(path.stem, path, stat.st_size, stat.st_mtime_ns, digest_file(path))


@contextmanager
def _small_set() -> Iterator[tuple[Path, NDArray[np.float32]]]:
    """A home with a data set `small` of `PICTURES` squares, and the squares themselves."""
    from PIL import Image

    from mammo.data.index.manifest import index_manifest
    from mammo.progress import finish
    from mammo.specs import Home

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pictures = np.random.default_rng(0).integers(0, 255, (PICTURES, SIZE, SIZE)).astype(np.uint8)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(root / f"{number:04d}.png", compress_level=1)
        rows = [f"{number:04d}.png,{'BM'[number % 2]}" for number in range(PICTURES)]
        (root / "small.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
        finish(index_manifest(Home(root / "home"), "small", root / "small.csv"))
        yield root / "home", pictures.astype(np.float32) / np.float32(255)


def extracting(trunk: str, peer: str) -> Callable[[int], Race]:
    """Small files to a finished cache at the fastest precision, against a trunk's forward alone, in seconds an image.

    `peer` is `forward` (the same trunk and precision, nothing else), `torch` (float32, contiguous, as its
    documentation has it) or `keras`.
    """

    def measure(repeats: int) -> Race:
        with _small_set() as (home, pictures):
            times = race(_extraction(home, trunk), PEERS[peer](trunk, pictures), repeats)
        return Race([duration / PICTURES for duration in times.ours], [duration / PICTURES for duration in times.peer])

    return measure


def _extraction(home: Path, trunk: str) -> Callable[[], object]:
    from mammo.features.extraction.extract import extract
    from mammo.features.precision import fast_precision
    from mammo.progress import finish
    from mammo.specs import CacheSpec, Home

    seeds = iter(range(10**6))
    return lambda: finish(
        extract(Home(home), [CacheSpec("small", trunk, f"random-{next(seeds)}", precision=fast_precision())])
    )


def _forward(trunk: str, pictures: NDArray[np.float32]) -> Callable[[], object]:
    from mammo.features.extraction.forward import Forward, devices_of
    from mammo.features.precision import fast_precision
    from mammo.features.trunks.locate import locate
    from mammo.features.trunks.networks import build

    forward = Forward(build(trunk, locate(trunk, "random-0")), fast_precision(), devices_of(None)[0])
    return lambda: [forward(part) for part in np.array_split(pictures, max(1, len(pictures) // 64))]


def plain_forward(trunk: str, pictures: NDArray[np.float32]) -> Callable[[], object]:
    """A trunk's forward over squares as torchvision's documentation has it: float32, contiguous, batches of 32."""
    import torch
    from torchvision import models

    network = {"vgg16": models.vgg16, "resnet50": models.resnet50}[trunk](weights=None).eval()
    body = network.features if trunk == "vgg16" else torch.nn.Sequential(*list(network.children())[:-2])
    images = torch.from_numpy(pictures)[:, None].expand(-1, 3, -1, -1)

    def run() -> None:
        with torch.no_grad():
            for batch in torch.split(images, 32):
                body(batch.contiguous()).numpy()

    return run


def _keras(trunk: str, pictures: NDArray[np.float32]) -> Callable[[], object]:
    import_module("timm")  # with torch's compiler: loaded after TensorFlow's, it would end the process
    import keras

    make = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[trunk]
    network = make(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    images = np.repeat(pictures[..., None], 3, axis=3)
    return lambda: network.predict(images, batch_size=32, verbose=0)


PEERS = {"forward": _forward, "torch": plain_forward, "keras": _keras}


def reading(storage: str) -> Callable[[int], Race]:
    """VGG16 maps of 2,000 images, three in four of their numbers zero, from a cache and from one .npy file, warm."""

    def measure(repeats: int) -> Race:
        with tempfile.TemporaryDirectory() as folder:
            maps = np.random.default_rng(0).normal(-0.67, 1, (STORED, 512, 7, 7)).clip(0).astype(np.float16)
            np.save(Path(folder) / "maps.npy", maps)
            cache = _stored(Path(folder), maps, storage)
            return race(cache.maps, lambda: np.load(Path(folder) / "maps.npy"), repeats)

    return measure


def _stored(folder: Path, maps: NDArray[np.float16], storage: str) -> Cache:
    from mammo.features.cache.cache import CHUNK, Cache
    from mammo.features.cache.identity import cache_name, identity
    from mammo.features.cache.store import CacheWriter
    from mammo.features.trunks.locate import locate
    from mammo.specs import CacheSpec, Home

    home = Home(folder)
    content = identity(CacheSpec("small", "vgg16", "random-0", precision="bfloat16"), "", locate("vgg16", "random-0"))
    ids = [str(number) for number in range(len(maps))]
    writer = CacheWriter(home.cache("small", cache_name(content)), content, ids, maps.shape[1:], {"storage": storage})
    for _, chunk in writer.todo:
        part = maps[chunk * CHUNK : (chunk + 1) * CHUNK]
        writer.write(0, chunk, part, part.mean(axis=(2, 3), dtype=np.float32))
    writer.finish()
    return Cache.open(home, "small", cache_name(content))
