"""Instant mode in a real browser: from the click on a setting to the leaderboard and ROC curves of 64 new heads.

Makes a data set of 2,300 small pictures and a cache of random activations as VGG16 or ResNet50 leave them, serves the
dashboard, and asks for one epoch more, again and again. Run it with: python -m benchmarks.instant
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from benchmarks.browser import RUNNING, browser, served, settle, visit
from benchmarks.sweeps import listed, random_features, squares
from benchmarks.timing import seconds

EPOCHS = 30
GRIDS: dict[str, dict[str, Any]] = {
    "Adam and NAdam, 32 learning rates": {"lr": [f"{1e-4 * 1.15**number:.6f}" for number in range(32)]},
    "Adam and NAdam, 4 learning rates, 8 starts": {"lr": ["1e-2", "3e-3", "1e-3", "3e-4"], "seeds": 8},
}
"""64 heads each: of one bank, and of a bank a start."""
TOLD = re.compile(r"64 heads trained in ([0-9.]+) s")


def clicks(page: Any, address: str, settings: dict[str, Any], repeats: int) -> list[tuple[float, float]]:
    """For every click: the seconds until the page is complete, and the seconds of training that it shows."""
    settings = {"mode": "Instant", "pool": "GAP", "epochs": EPOCHS, "patience": 0, **settings}
    page.goto(f"{address}sweep?{urlencode(settings, doseq=True)}")
    page.get_by_text(TOLD).wait_for()
    settle(page)
    return [_click(page) for _ in range(repeats + 1)][1:]


def _click(page: Any) -> tuple[float, float]:
    step_up = page.get_by_test_id("stNumberInput").filter(has_text="Epochs").get_by_test_id("stNumberInputStepUp")
    figure = page.locator("[data-testid=stPlotlyChart] .main-svg").first
    elapsed = seconds(lambda: (step_up.click(), page.wait_for_function(RUNNING), settle(page), figure.wait_for()))
    match = TOLD.search(page.get_by_text(TOLD).inner_text())
    assert match
    return elapsed, float(match[1])


def main() -> None:
    """Print a row for each grid and trunk."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    print("| features | 64 heads, 30 epochs and more | training | click to picture | slowest |\n|---|---|---|---|---|")
    for trunk in ("vgg16", "resnet50"):
        with tempfile.TemporaryDirectory() as folder, listed(Path(folder), squares) as home:
            random_features(home, trunk)
            with served(home) as address, browser() as running:
                for name, settings in GRIDS.items():
                    with visit(running) as page:
                        clicks_timed = clicks(page, address, settings, repeats)
                    totals, training = zip(*clicks_timed, strict=True)
                    cells = f"{median(training):.2f} s | {median(totals):.2f} s | {max(totals):.2f} s"
                    print(f"| {trunk}, GAP | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
