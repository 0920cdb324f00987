"""The Jobs page: cards that lead to their own results, whatever stands in the files."""

import pytest

from mammo.jobs import jobs
from mammo.runs.sweep import sweeps
from mammo.specs import Home
from tests.jobs.conftest import DONE, REQUEST_RECORD, write_job

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EVIL = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) :red[b] $c$"


@pytest.mark.faults("hostile texts in a job's files", "they are shown as text, and the page and its other cards stand")
def test_cards_lead_to_their_results_and_show_texts_as_text(fresh, demo_home, tmp_path):
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for folder in ("datasets", "features", "sweeps"):
        (home.path / folder).symlink_to(demo_home.path / folder)
    (name,) = sweeps(home)
    spec = {"dataset": "phantom-demo", "caches": ["c"], "heads": [{}], "splits": [{}]}
    write_job(
        home, "a", {**REQUEST_RECORD, "verb": "sweep", "request": {"spec": spec}}, {"state": "done", "result": name}
    )
    write_job(home, "b", REQUEST_RECORD, {"state": "failed", "message": EVIL, "seconds": 75.0})
    write_job(home, "c", "{", DONE)
    for number in range(30):
        write_job(home, f"d{number:02d}", REQUEST_RECORD, {"state": "cancelled"})
    with fresh(home) as site:
        with site.visit("jobs?state=Done&state=Failed&state=Damaged") as page:
            assert page.get_by_text(EVIL).count() == 1 and page.locator("img[src='x']").count() == 0
            page.get_by_text("took 75 s").wait_for()
            page.get_by_text("Its files are damaged").wait_for()
            assert page.get_by_text("Damaged").count() >= 2  # in the filter, and on the card
            link = page.get_by_text("Go on to Compare")
            assert link.get_attribute("href") == f"compare?sweep={name}"
            page.get_by_role("button", name="Delete").first.click()
            page.get_by_text("Delete it").click()
            page.get_by_text("Its files are damaged").wait_for(state="detached")
            link.click()
            page.wait_for_url("**/compare*")
            page.get_by_text("Chance explains").wait_for()
        with site.visit("jobs?page=2", 420) as page:
            page.get_by_text("31 to 32 of 32 jobs").wait_for()
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth")
        assert site.faults() == []
    assert "c" not in {job.id for job in jobs(home)}
