"""Data shows how deep the films of a set are, and its pictures as a trunk sees them or stretched."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo.data.index.manifest import index_manifest
from mammo.data.index.options import ReadingOptions
from mammo.progress import finish


def write_films(folder: Path) -> Path:
    """A manifest of six films of 12 bits in PNG of 16, of which the last is much darker."""
    folder.mkdir()
    rows, columns = np.mgrid[:200, :150]
    lines = ["path,label,patient"]
    for number in range(6):
        breast = np.clip(1 - np.hypot(rows - 100, columns) / (90 + 5 * number), 0, 1) ** 0.5
        grain = np.random.default_rng(number).normal(0, 0.02, breast.shape)
        film = np.clip((breast + grain) * (3900 >> 3 * (number == 5)), 0, 4095).astype(np.uint16)
        Image.fromarray(film).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{'BM'[number % 2]},{number}")
    (folder / "set.csv").write_text("\n".join(lines) + "\n")
    return folder / "set.csv"


@pytest.mark.slow
def test_data_shows_the_depth_of_films_and_stretches_what_is_dark(fresh, home, tmp_path):
    path = write_films(tmp_path / "films")
    for name, bits in (("auto", ""), ("dark", "container")):
        finish(index_manifest(home, name, path, workers=1, reading=ReadingOptions(bits)))
    with fresh(home) as site:
        for width in (1400, 400):
            with site.visit("data?dataset=auto", width) as page:
                page.get_by_text("Depth of the films: 12 bits").click()
                page.get_by_text("1 image a factor of four or more darker than the others").wait_for()
                page.locator("[data-testid=stDataFrame]").nth(1).wait_for()
                assert page.locator("[data-testid=stDataFrame]").count() == 2
                assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        brightest = {}
        for stretched in ("false", "true"):
            with site.visit(f"data?dataset=dark&stretched={stretched}") as page:
                page.get_by_text("Depth of the films: 16 bits").wait_for()
                image = page.locator("[data-testid=stImage] img").first
                image.wait_for()
                shown = page.request.get(image.evaluate("image => image.src")).body()
                brightest[stretched] = int(np.asarray(Image.open(io.BytesIO(shown)).convert("L")).max())
        assert brightest["false"] < 30 and brightest["true"] > 240
        assert site.faults() == []
