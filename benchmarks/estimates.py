"""How good the estimates of time are: sweeps and extractions of every kind, estimated first and run afterwards.

Makes a phantom data set and caches of random activations in a folder that is removed again, measures this machine as
a page would, and prints a table. Run it alone on the machine: python -m benchmarks.estimates
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mammo import jobs
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_phantom
from mammo.estimates.estimate import Estimate, extraction_estimate, sweep_estimate
from mammo.estimates.measuring import complete
from mammo.estimates.trunk_prices import store
from mammo.features.cache.cache import Cache
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.table import find_trunk
from mammo.heads.grid import expand
from mammo.progress import finish
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec
from mammo.storage.json_files import read_json, write_json

NAME = "phantom"
IMAGES = 600
RATES = [10.0 ** (-1 - number / 10) for number in range(100)]


@dataclass(frozen=True)
class Trial:
    """A sweep in words, the trunk, tap and precision of its features, its grid of heads and its number of splits."""

    label: str
    trunk: str
    axes: dict[str, list[Any]]
    splits: int = 1
    tap: str = "features"
    precision: str = "bfloat16"


def heads(count: int, **axes: Any) -> dict[str, list[Any]]:
    """So many heads, half Adam and half NAdam where there is more than one."""
    optimizers = ["adam", "nadam"] if count > 1 else ["adam"]
    base: dict[str, list[Any]] = {"pool": ["gap"], "optimizer": optimizers, "lr": RATES[: max(count // 2, 1)]}
    return base | {"epochs": [50]} | {name: [value] for name, value in axes.items()}


TUNED = {"finetune": "last-layer", "tail_lr": 1e-5}
TRIALS = (
    Trial("1 head, GAP", "vgg16-mini", heads(1)),
    Trial("64 heads, GAP", "vgg16-mini", heads(64)),
    Trial("64 heads, Flatten", "vgg16-mini", heads(64, pool="flatten")),
    Trial("64 heads, Flatten", "resnet50-mini", heads(64, pool="flatten")),
    Trial("64 heads, GAP, 5 splits", "vgg16", heads(64), 5),
    Trial("200 heads, GAP", "resnet50", heads(200)),
    Trial("64 heads, GAP, batches of 8", "resnet50", heads(64, batch=8)),
    Trial("1 head, Flatten", "vgg16", heads(1, pool="flatten")),
    Trial("24 heads, Flatten, 2 splits", "vgg16", heads(24, pool="flatten"), 2),
    Trial("64 heads, Flatten, 20 epochs", "vgg16", heads(64, pool="flatten", epochs=20)),
    Trial("16 heads, Flatten, 10 epochs", "resnet50", heads(16, pool="flatten", epochs=10)),
    Trial("64 heads, Flatten, 5 epochs", "resnet50", heads(64, pool="flatten", epochs=5)),
    Trial("8 heads of 128 units, GAP", "resnet50", heads(8, hidden=128)),
    Trial("2 heads of 128 units, Flatten, 10 epochs", "vgg16", heads(2, pool="flatten", hidden=128, epochs=10)),
    Trial("a probe, GAP and Flatten", "vgg16", heads(1, optimizer="probe") | {"pool": ["gap", "flatten"]}),
    Trial("2 heads fine-tuned, 5 epochs", "vgg16-mini", heads(2, epochs=5, **TUNED), 1, "last-layer"),
    Trial("1 head fine-tuned, 2 epochs", "vgg16", heads(1, pool="flatten", epochs=2, **TUNED), 1, "last-layer"),
    Trial("2 heads fine-tuned, 2 epochs", "resnet50", heads(2, epochs=2, **TUNED), 1, "last-layer"),
)  # fmt: skip
EXTRACTIONS = (
    CacheSpec(NAME, "vgg16-mini", "synthetic", precision="bfloat16"),
    CacheSpec(NAME, "resnet50-mini", "synthetic", resize="letterbox", precision="float32"),
    CacheSpec(NAME, "resnet50", "random-1", precision="bfloat16"),
    CacheSpec(NAME, "vgg16", "random-1", "last-layer", kind="crop", size=160, precision="bfloat16"),
    CacheSpec(NAME, "resnet50-mini", "synthetic", augment="generator", draws=2, precision="bfloat16"),
)


@dataclass(frozen=True)
class Outcome:
    """What was estimated and what came of it, in seconds."""

    label: str
    estimate: Estimate
    seconds: float


def features_of(home: Home, trial: Trial) -> str:
    """The name of a cache of random activations, three in four of them zero; made where it is not there."""
    spec = CacheSpec(NAME, trial.trunk, "random-0", trial.tap, precision=trial.precision)
    dataset = Dataset.open(home, NAME)
    ids = list(dataset.table("full")["image"])
    shape = find_trunk(trial.trunk).map_shape(trial.tap, spec.size)
    activations = np.random.default_rng(0).standard_normal((len(ids), *shape), np.float32) - 0.67
    maps = np.maximum(activations, 0).astype(PRECISIONS[trial.precision].stored)
    return store(home, spec, maps, maps.mean((2, 3), np.float32), dataset.digest("full"), ids).name


def sweeps(home: Home) -> Iterator[Outcome]:
    """Every sweep, estimated and run as a job."""
    for trial in TRIALS:
        name = features_of(home, trial)
        splits = tuple(SplitSpec(redraw=redraw) for redraw in range(trial.splits))
        spec = SweepSpec(NAME, (name,), expand(trial.axes), splits)
        complete(home, sweep_estimate(home, spec).missing)
        shape = Cache.open(home, NAME, name).shape
        label = f"{trial.trunk} {shape[1]}×{shape[2]}×{shape[3]}: {trial.label}"
        yield Outcome(label, sweep_estimate(home, spec), run(home, "sweep", {"spec": spec.to_json()}))


def extractions(home: Home) -> Iterator[Outcome]:
    """Every extraction, estimated and run as a job."""
    for spec in EXTRACTIONS:
        images = len(Dataset.open(home, NAME).table(spec.kind))
        complete(home, extraction_estimate(home, [spec]).missing)
        label = f"{spec.readable_name()}, {images} images"
        request = {"specs": [spec.to_json()], "weights_file": None}
        yield Outcome(label, extraction_estimate(home, [spec]), run(home, "extract", request))


def run(home: Home, verb: str, request: dict[str, Any]) -> float:
    """Seconds from the start of a job's process until it says that it is done."""
    name = f"{verb}-{time.monotonic_ns()}"
    write_json(
        home.job(name) / jobs.REQUEST, {"verb": verb, "request": request, "started": datetime.now(UTC).isoformat()}
    )
    begun = time.time()
    subprocess.run([sys.executable, "-m", "mammo.jobs", str(home.path), name], check=True, stderr=subprocess.DEVNULL)
    ended: float = read_json(home.job(name) / jobs.PROGRESS, "progress")["heartbeat"]
    return ended - begun


def main() -> None:
    """Estimate, run, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--only", choices=["sweeps", "extractions"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        finish(index_phantom(home, NAME, options.images, seed=1))
        print("| | estimated, s | measured, s | measured / estimated |\n|---|---|---|---|")
        for kind, trials in {"sweeps": sweeps, "extractions": extractions}.items():
            if options.only in (None, kind):
                for trial in trials(home):
                    expected = trial.estimate.seconds
                    row = f"| {trial.label} | {expected:.1f} | {trial.seconds:.1f} | {trial.seconds / expected:.2f} |"
                    print(row, flush=True)
                    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in trial.estimate.parts.items())
                    print(f"{trial.label}: {parts}", file=sys.stderr)


if __name__ == "__main__":
    main()
