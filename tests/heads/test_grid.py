from __future__ import annotations

import subprocess
import sys

import pytest

from mammo.errors import MammoError
from mammo.heads.grid import Grid, expand, load_grid
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
        ({"pool": "max"}, "no pool 'max'"),
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
