import json

import numpy as np
import pytest
import torch

from mammo.features.cache.cache import MANIFEST, RECORDS
from mammo.features.extraction import forward as forwards
from mammo.features.extraction.forward import Forward, devices_of, fitting_batch
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import build

CPU = torch.device("cpu")
LAYER = 2 * 8 * 64 * 64 * 4
"""Bytes of the second convolution of vgg16-mini for 64 pixels: eight channels in, eight out, of the picture's size."""


def mini(precision="float32"):
    return Forward(build("vgg16-mini", locate("vgg16-mini", "random-0")), precision, CPU)


def test_the_largest_layer_of_a_trunk_is_measured():
    assert mini().measure_pass(64) == ((64, 2, 2), LAYER)
    assert mini().measure_pass(128) == ((64, 4, 4), 4 * LAYER)
    assert mini("bfloat16").measure_pass(64) == ((64, 2, 2), LAYER // 2)


@pytest.mark.parametrize(
    ("free", "batch"),
    [(10**12, 32), (4 * 32 * LAYER, 32), (4 * 32 * LAYER - 1, 16), (4 * 7 * LAYER, 4), (4 * LAYER, 1), (0, 1)],
)
def test_a_batch_is_as_large_as_memory_allows(monkeypatch, free, batch):
    monkeypatch.setattr(forwards, "_free", lambda _: free)
    assert fitting_batch([mini()], LAYER) == batch


def test_a_cache_keeps_the_batch_it_was_begun_with(own, make, monkeypatch, files):
    monkeypatch.setattr(forwards, "_free", lambda _: 4 * 5 * LAYER)
    cache = make(own).cache
    assert cache.manifest["made_with"]["batch"] == 4
    before = files(cache.folder)
    monkeypatch.undo()
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000001.json").unlink()
    assert make(own).computed == 64
    assert files(cache.folder) == before


@pytest.mark.slow
def test_a_batch_that_is_no_number_begins_anew(own, make, files):
    cache = make(own).cache
    before = files(cache.folder)
    made_with = json.loads((cache.folder / "made_with.json").read_text())
    for wrong in ("4", 0, None, True):
        (cache.folder / "made_with.json").write_text(json.dumps(made_with | {"batch": wrong}))
        (cache.folder / MANIFEST).unlink()
        assert make(own).computed == 140
        assert files(cache.folder) == before


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_gives_nearly_the_same(precision):
    pictures = np.random.default_rng(0).random((3, 64, 64), dtype=np.float32)
    maps, pooled = mini(precision)(pictures)
    exact, _ = mini()(pictures)
    assert maps.dtype == PRECISIONS[precision].stored and pooled.dtype == np.float32
    assert np.abs(maps - exact).max() < 0.05 * np.abs(exact).max()


def test_pictures_of_a_device_pass_as_those_of_memory():
    pictures = np.random.default_rng(0).random((70, 32, 32), dtype=np.float32)
    first, again = mini()(pictures), mini()(torch.from_numpy(pictures))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


def test_devices():
    assert devices_of("cpu") == [CPU]
    devices = devices_of(None)
    assert devices == ([torch.device("cuda", n) for n in range(torch.cuda.device_count())] or [CPU])
