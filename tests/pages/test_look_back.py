"""Looking back on a sweep, going on from one of its runs, and grids typed as TOML, as a visitor sees them."""

import pytest

pytestmark = pytest.mark.browser

DRAWN = {"What matters": "influence", "Along one axis": "response", "Every run": "parallel"}
"""The views and the figure of each."""


def test_every_view_of_a_sweep_draws_and_a_run_lends_its_settings(demo):
    with demo.visit("sweep?mode=Look+back") as page:
        for view, figure in DRAWN.items():
            page.get_by_text(view, exact=True).click()
            page.locator(f".st-key-{figure} .js-plotly-plot").wait_for()
        with page.context.expect_page() as opened:
            page.get_by_text("Use its settings").first.click()
        heads = opened.value.locator("[data-testid=stMetric]", has_text="Heads")
        heads.wait_for()
        assert heads.inner_text().split() == ["Heads", "1"]
    assert demo.faults() == []


def test_a_grid_of_toml_is_counted_and_a_fault_in_it_is_named(demo):
    with demo.visit('sweep?grid=As+TOML&toml=lr%3D[1e-3,1e-4]%0Apool="gap"%0Aredraws%3D3') as page:
        heads = page.locator("[data-testid=stMetric]", has_text="Heads")
        heads.wait_for()
        assert heads.inner_text().split() == ["Heads", "12"]
    with demo.visit('sweep?grid=As+TOML&toml=learning="fast"') as page:
        page.get_by_text("unknown entry 'learning'").wait_for()
    assert demo.faults() == []
