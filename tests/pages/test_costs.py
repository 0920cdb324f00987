"""A page measures the machine by itself, once, while it already shows a guess."""

import pytest

from mammo.estimates.prices import recall, remember
from mammo.specs import Home

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_measures_what_is_not_known_yet(fresh, demo_home, tmp_path):
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for folder in ("datasets", "features"):
        (home.path / folder).symlink_to(demo_home.path / folder)
    remember(home, "heads", {"epoch": 0.1})
    with fresh(home) as site:
        with site.visit("sweep?patience=0") as page:
            page.get_by_text("this machine has not been measured yet; that is done now").wait_for()
            page.get_by_text("from a short measurement of this machine").wait_for()
            assert page.get_by_text("Time at most").count() == 0
        with site.visit("sweep?patience=3") as page:
            page.get_by_text("at most, for heads that stop early take less; from a short").wait_for()
            page.get_by_text("Time at most").first.wait_for()
        assert site.faults() == []
    assert recall(home, "start")
