"""A leaderboard of ten thousand runs: how fast it is read, and how fast the Compare page opens and filters it.

Writes a home with a real sweep: 3,039 tiny synthetic images, 645 of them for the test, as many as CBIS-DDSM's pooled
official test set has, and 10,000 heads trained on them for an epoch. Times the leaderboard as it is read the first time
and afterwards, and the Compare page in a real browser. Run it with: python -m benchmarks.leaderboard HOME
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.browser import browser, served, settle, visit
from benchmarks.timing import seconds
from mammo.data.index.manifest import index_manifest
from mammo.features.extraction.extract import extract
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board
from mammo.runs.sweep import sweeps
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec

NAME = "synthetic-many"
SIZES = {"train": 2090, "validation": 304, "test": 645}
SIDE = 32
AXES = {
    "pool": ["gap"],
    "optimizer": ["adam", "nadam"],
    "lr": np.geomspace(1e-5, 1e-2, 25).round(8).tolist(),
    "dropout": [0.0, 0.5],
    "batch": [128],
    "epochs": [1],
}


def write_home(home: Home, runs: int) -> str:
    """Images, features and a sweep of about `runs` heads; the name of the sweep."""
    folder = home.path / "images"
    folder.mkdir(parents=True, exist_ok=True)
    _write_images(folder)
    dataset = finish(index_manifest(home, NAME, folder / "images.csv"))
    spec = CacheSpec(dataset.name, "vgg16-mini", "random-0", size=SIDE)
    (extracted,) = finish(extract(home, [spec], device="cpu"))
    settings = len(expand(AXES))
    heads = expand({**AXES, "seed": list(range(-(-runs // settings)))})[:runs]
    return finish(sweep(home, SweepSpec(dataset.name, (extracted.cache.name,), heads, (SplitSpec("manifest"),)), "cpu"))


def _write_images(folder: Path) -> None:
    """Noise in which the malignant hold a faint bright spot; two images a patient, both of one class."""
    chance = np.random.default_rng(0)
    rows = []
    for part, count in SIZES.items():
        for number in range(count):
            patient = f"{part}-{number // 2:04d}"
            malignant = (number // 2) % 2 == 0
            pixels = chance.normal(110, 30, (SIDE, SIDE))
            if malignant:
                row, column = chance.integers(4, SIDE - 10, 2)
                pixels[row : row + 6, column : column + 6] += 18
            name = f"{part}-{number:04d}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
            rows.append((name, "M" if malignant else "B", patient, part))
    pd.DataFrame(rows, columns=["path", "label", "patient", "split"]).to_csv(folder / "images.csv", index=False)


def read_seconds(home: Home) -> list[float]:
    """How long a leaderboard takes that nobody has read before, and then five times that it was read."""
    shutil.rmtree(home.path / "boards", ignore_errors=True)
    return [seconds(lambda: read_board(home)) for _ in range(6)]


def page_seconds(home: Home, repeats: int) -> dict[str, list[float]]:
    """How long the Compare page takes in a real browser, from the wish to the last word of the script.

    Visited in a session of its own on a server that has read the leaderboard, the browser's loading of the dashboard
    included; opened from another page of it; asked for another view; and asked for some of the runs.
    """
    wishes = {"visited": _visit, "opened": _open, "another view": _luck, "filtered": _filter}
    times: dict[str, list[float]] = {name: [] for name in wishes}
    with served(home) as address, browser() as running:
        for _ in range(repeats + 1):
            with visit(running) as page:
                for name, wish in wishes.items():
                    times[name].append(wish(page, address))
    return {name: values[1:] for name, values in times.items()}


def _visit(page: Any, address: str) -> float:
    table = page.get_by_test_id("stDataFrame").first
    return seconds(lambda: (page.goto(f"{address}compare"), table.wait_for(), settle(page)))


def _open(page: Any, _: str) -> float:
    links, table = page.get_by_test_id("stSidebarNavLink"), page.get_by_test_id("stDataFrame").first
    links.filter(has_text="Jobs").click()
    page.get_by_role("heading", name="Jobs").wait_for()
    settle(page)
    return seconds(lambda: (links.filter(has_text="Compare").click(), table.wait_for(), settle(page)))


def _luck(page: Any, _: str) -> float:
    view = page.get_by_role("radio", name="Luck")
    return seconds(lambda: (view.click(), page.get_by_text("nine cases of ten").wait_for(), settle(page)))


def _filter(page: Any, _: str) -> float:
    page.get_by_role("combobox", name="Only").click()
    adam = page.get_by_role("option", name="Adam", exact=True)
    count_line = page.get_by_text(re.compile(r"^[0-9,]+ of [0-9,]+ runs\.$"))
    return seconds(lambda: (adam.click(), count_line.wait_for(), settle(page)))


def main() -> None:
    """Write the home where it is not there yet, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    home = Home(options.home)
    if not sweeps(home):
        write_home(home, options.runs)
    first, *again = read_seconds(home)
    rows = {
        "leaderboard, first time": [first],
        "leaderboard, read before": again,
        **page_seconds(home, options.repeats),
    }
    print(f"{len(read_board(home).runs):,} runs\n\n| | median | least to most |\n|---|---|---|")
    for name, values in rows.items():
        print(f"| {name} | {median(values):.2f} s | {min(values):.2f} to {max(values):.2f} s |")


if __name__ == "__main__":
    main()
