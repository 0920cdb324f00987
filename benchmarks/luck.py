"""Tie groups and the optimism meter under permuted labels: real heads, of which none can be better than another.

Permutes the labels of a cache's images between patients, trains a bank of heads on its pooled features, and asks the
validation images: do all heads tie, and does chance explain the winner's margin? Both should hold in 95 % of studies.
Beside them stands what Holm's correction of paired tests against the leader would say. Also times the bootstrap: 2,000
resamples of 100 runs on 645 images. Run it with: python benchmarks/luck.py HOME DATASET
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.protocols import PARTS, draw
from mammo.features.cache.cache import Cache, caches
from mammo.heads.grid import expand
from mammo.heads.pools import POOLS
from mammo.heads.training.train import train_bank
from mammo.progress import finish
from mammo.specs import Home, SplitSpec
from mammo.statistics.comparing.chance import deviations
from mammo.statistics.comparing.holm import holm
from mammo.statistics.comparing.selection_bias import selection_bias
from mammo.statistics.comparing.ties import group_ties, paired_p_values
from mammo.statistics.intervals.bootstrap import bootstrap_interval
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import LEVEL

AXES = {"pool": ["gap"], "optimizer": ["adam", "nadam"], "lr": [1e-2, 3e-3, 1e-3, 3e-4], "epochs": [5], "batch": [64]}


def study(vectors: np.ndarray, images: pd.DataFrame, seeds: int, number: int) -> tuple[bool, bool, bool]:
    """Whether all heads tie, whether chance explains the winner, and whether all would tie by Holm's correction."""
    parts = draw(images, SplitSpec(seed=number, validation=0.3, test=0.2))
    patients = images["patient"].to_numpy()
    names, patient = np.unique(patients, return_inverse=True)
    labels = np.random.default_rng(number).permutation(np.arange(names.size) % 2)[patient]
    heads = expand({**AXES, "seed": list(range(seeds))})
    trained = finish(train_bank(vectors, labels, parts, heads, "cpu"))
    rows = np.flatnonzero(parts == PARTS["validation"])
    auc_components = components(labels[rows], trained.logits[:, rows], patients[rows])
    assert auc_components is not None
    deviations_drawn = deviations(auc_components)
    leader = int(auc_components.aucs.argmax())
    apart = holm(np.delete(paired_p_values(auc_components, leader), leader)) <= LEVEL
    meter = selection_bias(auc_components, deviations_drawn)
    assert meter is not None
    return bool((group_ties(auc_components, deviations_drawn) == 1).all()), meter.margin <= meter.limit, not apart.any()


def bootstrap_seconds() -> float:
    """The median time of five intervals of 100 runs on 645 images of about 380 patients."""
    chance = np.random.default_rng(0)
    patients = chance.integers(0, 450, 645)
    labels = (chance.random(450) < 0.45)[patients].astype(int)
    logits = (labels + chance.standard_normal((100, 645))).astype(np.float32)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        bootstrap_interval(labels, logits, patients)
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def main() -> None:
    """Print a row for each number of heads, and the time of the bootstrap."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--studies", type=int, default=200)
    options = parser.parse_args()
    home = Home(options.home)
    dataset = Dataset.open(home, options.dataset)
    cache = Cache.open(home, dataset.name, caches(home, dataset.name)[0])
    vectors, images = np.asarray(POOLS["gap"].vectors(cache, 0)), dataset.table("full")
    print(f"{len(images)} images, {vectors.shape[1]} features, {options.studies} permutations of the labels\n")
    print("| heads | all tie | chance explains the winner | all would tie by Holm |")
    print("|---|---|---|---|")
    for seeds in (3, 25):
        shares = np.mean([study(vectors, images, seeds, number) for number in range(options.studies)], axis=0)
        print(f"| {8 * seeds} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)
    print(f"\n2,000 resamples of 100 runs on 645 images: {bootstrap_seconds():.2f} s (median of 5)")


if __name__ == "__main__":
    main()
