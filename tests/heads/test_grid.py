from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammo.errors import MammoError
from mammo.heads.grid import MOST_RUNS, Grid, count_heads, expand
from mammo.heads.grid_file import load_grid, read_grid
from mammo.specs import HeadSpec


def written(tmp_path, text):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    return path


def test_axes_multiply_out_the_last_fastest():
    heads = expand({"pool": ["flatten", "gap"], "lr": [1e-3, 1e-4], "epochs": 5})
    assert heads == tuple(HeadSpec(pool=pool, lr=lr, epochs=5) for pool in ("flatten", "gap") for lr in (1e-3, 1e-4))


def test_no_axes_give_the_default_head():
    assert expand({}) == (HeadSpec(),)


def test_a_head_named_twice_comes_once():
    assert expand({"lr": [1, 1.0, 1e-4], "seed": (0, 0)}) == (HeadSpec(lr=1.0), HeadSpec())


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"learning_rate": [1]}, "no axis 'learning_rate'; its axes are: pool, hidden, .*seed"),
        ({"lr": ["fast"]}, "'lr' must be of type float, not 'fast'"),
        ({"epochs": [1.5]}, "'epochs' must be of type int, not 1.5"),
        ({"lr": []}, "'lr' is empty"),
        ({"lr": [-1.0]}, "learning rate must be above 0"),
        ({"pool": "mean"}, "no pool 'mean'"),
        ({"optimizer": ["adam", "sgd"]}, "no optimiser 'sgd'"),
    ],
)
def test_bad_axes_are_refused_by_name(axes, sentence):
    with pytest.raises(MammoError, match=sentence):
        expand(axes)


def test_a_grid_file_holds_axes_and_settings_of_the_sweep(tmp_path):
    text = (
        'pool = ["flatten", "gap"]\nlr = 1e-3\nprotocol = "patient"\ntrunk = ["vgg16"]\nredraws = 3\nsplit_seed = 7\n'
        'labels = ["merged", "three-way"]\n'
    )
    grid = load_grid(written(tmp_path, text))
    axes = {"pool": ("flatten", "gap"), "lr": (1e-3,)}
    assert grid == Grid(axes, ("patient",), ("merged", "three-way"), ("vgg16",), split_seed=7, redraws=3)
    assert grid.heads == expand({"pool": ["flatten", "gap"], "lr": 1e-3})


def test_a_grid_file_may_leave_the_sweep_open(tmp_path):
    grid = load_grid(written(tmp_path, "hidden = [0, 128]"))
    assert {grid.protocol, grid.labels, grid.trunk, grid.split_seed, grid.redraws} == {None}
    assert [head.hidden for head in grid.heads] == [0, 128]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lr = [", "not valid TOML"),
        ("rate = 3", "unknown entry 'rate'; it may hold: pool, .*redraws"),
        ("redraws = true", "'redraws' must be a whole number"),
        ("split_seed = -1", "'split_seed' must be a whole number"),
        ("protocol = [1]", "'protocol' must be a name"),
        ("trunk = []", "'trunk' is empty"),
        ("labels = 3", "'labels' must be a name"),
        ("[head]\nlr = 1", "unknown entry 'head'"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, sentence):
    with pytest.raises(MammoError, match=sentence):
        load_grid(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(MammoError, match="cannot be read"):
        load_grid(tmp_path / "none.toml")


def test_grids_pools_and_optimizers_import_without_torch():
    code = "import sys, mammo.heads.grid; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


HOSTILE = {
    "deep lists": "lr = " + "[" * 30_000 + "1" + "]" * 30_000,
    "deep tables": "a" + ".a" * 20_000 + " = 1",
    "a huge whole number": "seed = 0x" + "f" * 50_000,
    "a huge rate": "lr = 0x" + "f" * 50_000,
    "a rate beyond floats": "lr = 1e999",
    "no number": "lr = nan",
    "huge draws": "split_seed = [0x" + "f" * 50_000 + "]",
    "a list within a list": "lr = [[1e-3]]",
    "larger than 64 KB": "lr = [" + "1e-3, " * 12_000 + "]",
}


@pytest.mark.faults("a hostile grid in TOML", "it ends in one short sentence")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_grids_end_in_a_short_sentence(tmp_path, text):
    with pytest.raises(MammoError) as error:
        load_grid(written(tmp_path, text)).heads  # noqa: B018
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


@pytest.mark.faults("a grid that is a pipe, a device or a folder", "it is refused at once")
def test_only_plain_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", Path("/dev/zero"), tmp_path):
        with pytest.raises(MammoError, match="no plain file|directory"):
            load_grid(path)


MANY = {name: list(range(1, 100)) for name in ("hidden", "batch", "epochs", "patience", "seed")}


@pytest.mark.faults("a grid of 9,509,900,499 heads", "it is counted, and refused before any head is made")
@pytest.mark.parametrize("limit", [None, MOST_RUNS])
def test_grids_are_counted_before_they_are_expanded(limit):
    assert count_heads(MANY) == 99**5
    with pytest.raises(MammoError, match="multiply out to 9,509,900,499 heads"):
        expand(MANY, limit)


def test_the_count_is_that_of_the_heads_or_more():
    axes = {"pool": ["gap", "flatten", "gap"], "lr": [1, 1.0, 1e-3], "seed": range(5)}
    assert count_heads(axes) == len(expand(axes)) == 20
    assert (
        count_heads({"optimizer": ["probe"], "lr": [1e-3, 1e-4]})
        == 2
        > len(expand({"optimizer": ["probe"], "lr": [1e-3, 1e-4]}))
    )


def test_heads_expand_as_they_would_one_by_one():
    axes = {"pool": ["flatten", "gap"], "finetune": ["none", "last-layer"], "tail_lr": [1e-5, 1], "seed": [0, 1]}
    each = itertools.product(*axes.values())
    slow = dict.fromkeys(HeadSpec.from_json(dict(zip(axes, values, strict=True))) for values in each)
    assert expand(axes) == tuple(slow)


@pytest.mark.parametrize(
    "text", ["a." * 20_000 + "a = 1", "lr = [{" + "a." * 20_000 + "a = 1}]", "[" + "a." * 20_000 + "a]"]
)
def test_dotted_keys_without_end_are_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(MammoError, match="nested too deeply"):
        read_grid(text)
    assert time.process_time() - begun < 0.5
