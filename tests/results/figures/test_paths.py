"""The figure of regularisation paths."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mammo.features.cache.cache import caches
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.figures.paths import path_figure
from mammo.results.probes import path_of
from mammo.runs.stored_run import stored_runs
from mammo.specs import PROBE, STRENGTHS, HeadSpec, Home, SplitSpec, SweepSpec


def test_every_path_is_drawn_with_its_chosen_strength_and_its_note(tiny: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(tiny.path, home.path)
    splits = (SplitSpec(), SplitSpec("paper"))
    spec = SweepSpec("tiny", tuple(caches(home, "tiny")), (HeadSpec("gap", optimizer=PROBE),), splits)
    name = finish(sweep(home, spec))
    probes = dict(zip(("clean", "leaky"), stored_runs(home, [f"{name}.0", f"{name}.1"]), strict=True))
    figure = path_figure(probes, "Synthetic data")
    assert "Synthetic data" in figure.layout.annotations[-1].text
    lines = [data for data in figure.data if data.mode == "lines"]
    dots = [data for data in figure.data if data.mode == "markers"]
    assert [tuple(line.x) for line in lines] == [STRENGTHS] * 6
    assert all("leaked" in line.name for line in lines if line.legendgroup == "leaky")
    for dot, probe in zip(dots, probes.values(), strict=True):
        best = max(path_of(probe), key=lambda step: (step["validation_auc"], -step["validation_loss"]))
        assert (dot.x[0], dot.y[0]) == (best["C"], pytest.approx(best["validation_auc"], abs=1e-6))
