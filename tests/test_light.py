"""What starts fast stays fast: the light parts import none of the heavy libraries."""

import os
import subprocess
import sys

import pytest

HEAVY = {"torch", "timm", "torchvision", "streamlit", "skimage", "sklearn", "zarr", "plotly"}
TRAINING = {"torch", "timm", "torchvision", "streamlit"}

REGISTRIES = """
from mammo.data.splits.protocols import SPLITS
from mammo.features.precision import PRECISIONS, fast_precision
from mammo.features.trunks.table import TRUNKS
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.images.augment import AUGMENTATIONS
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.statistics.metrics import METRICS
fast_precision()
assert all((SPLITS, PRECISIONS, TRUNKS, OPTIMIZERS, POOLS, AUGMENTATIONS, PREPROCESSINGS, RESIZES, METRICS))
"""

OPENING = """
import sys
from pathlib import Path
from mammo import Cache, Dataset, Home
from mammo.features.cache.cache import caches
home = Home(Path(sys.argv[1]))
dataset = Dataset.open(home, "tiny")
assert dataset.table("crop") is not None and dataset.pixels(dataset.images["image"][0]).size
(name,) = caches(home, "tiny")
cache = Cache.open(home, "tiny", name)
assert cache.maps().shape == cache.shape and cache.pooled().shape == cache.shape[:2]
"""


def imported(*words):
    """The top-level packages that a Python process imports."""
    command = [sys.executable, "-X", "importtime", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "mammo" in lines
    return {line.split(".")[0] for line in lines}


@pytest.mark.parametrize("words", [["--help"], ["extract", "--help"], ["--version"]])
def test_the_command_line_says_its_help_without_anything_heavy(words):
    assert imported("-m", "mammo", *words).isdisjoint(HEAVY | {"pandas", "numpy"})


def test_importing_the_package_imports_nothing_else():
    assert imported("-c", "import mammo").isdisjoint(HEAVY | {"pandas", "numpy"})


def test_the_registries_import_neither_torch_nor_timm():
    assert imported("-c", REGISTRIES).isdisjoint(TRAINING)


def test_opening_a_data_set_and_a_cache_imports_neither_torch_nor_timm(tiny):
    assert imported("-c", OPENING, str(tiny.path)).isdisjoint(TRAINING)
