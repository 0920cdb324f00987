"""The Report page as a visitor sees it."""

import shutil
from urllib.parse import urlencode

import pytest

from mammo.paper import open_report_runs
from mammo.runs.sweep_files import ABOUT
from mammo.specs import Home
from tests.conftest import PAPER

pytestmark = pytest.mark.browser

ADDRESS = "report?dataset=tiny&size=64&epochs=2&splits=2&draws=3"

CHOSEN = urlencode({"row": "ResNet50, row 4 (Nadam · GAP · 1e-4)", "protocol": "Ours, by patient"})


@pytest.fixture(scope="module")
def report(paper_home):
    return open_report_runs(paper_home, PAPER).report()


def test_tables_figures_and_files(fresh, paper_home, report, tmp_path):
    with fresh(paper_home) as site, site.visit(f"{ADDRESS}&{CHOSEN}") as page:
        first, second, five, _ = (page.locator(".report table").nth(number) for number in range(4))
        assert first.locator("tbody tr").count() == 9 and second.locator("tbody tr").count() == 6
        cells = first.locator("tbody tr").nth(4).locator("td").all_inner_texts()
        assert {"0.7270", "0.8016"} <= set(cells)
        assert any(cell.startswith(f"{report.rows[4].ours.auc:.3f}") for cell in cells)
        assert "0.737" in five.inner_text()
        page.locator(".js-plotly-plot").nth(4).wait_for()
        legends = " ".join(page.locator(".js-plotly-plot .legendtext").all_text_contents())
        chosen = report.rows[12].outcomes["patient"].spread["test"]["auc"]
        assert f"Mean of 2 draws — AUC {chosen.mean:.3f}" in legends
        assert page.get_by_text("mini trunks").first.is_visible()
        assert page.get_by_role("button", name="Run what is missing").count() == 0
        with page.expect_download() as started:
            page.get_by_role("button", name="HTML").click()
        started.value.save_as(tmp_path / "report.html")
        assert "Table 2: ResNet50" in (tmp_path / "report.html").read_text()
        assert page.locator("[data-testid=stException]").count() == 0
        page.set_viewport_size({"width": 420, "height": 900})
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth")
        assert site.faults() == []


def test_what_is_missing_is_run_as_a_job(fresh, paper_home, tmp_path):
    home = Home(tmp_path / "home")
    shutil.copytree(paper_home.path, home.path)
    lost = next(step.sweep for step in open_report_runs(home, PAPER).steps if step.rows[0].ratio_kept)
    shutil.rmtree(home.sweep(lost.id))
    with fresh(home) as site, site.visit(ADDRESS) as page:
        page.get_by_role("button", name="Run what is missing").click()
        page.get_by_text("Go on to Report").wait_for(timeout=120_000)
        page.get_by_role("button", name="Run what is missing").wait_for(state="detached")
        assert (home.sweep(lost.id) / ABOUT).is_file()
        assert site.faults() == []
