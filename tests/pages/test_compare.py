"""The Compare page: what is real and what is luck."""

import pytest

from mammo.results.board.leaderboard import bias_rows, read_board

pytestmark = pytest.mark.browser


def stands(page):
    """Nothing went wrong, and a phone need not scroll sideways."""
    assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth")


def test_luck_tells_what_the_meter_measures(demo, demo_home):
    (meter,) = bias_rows(read_board(demo_home))
    with demo.visit("compare?view=Luck") as page:
        page.get_by_text(f"Chance explains {100 * meter['explained']:.0f} % of the winner's margin").wait_for()
        page.get_by_text(f"the winner lies {meter['margin']:.3f} above it").wait_for()
        low, high = meter["test_auc_interval"]
        page.get_by_text(f"{meter['test_auc']:.3f} ({low:.3f}–{high:.3f})").wait_for()
        page.locator(".js-plotly-plot").get_by_text(f"The winner on test, n = {meter['n_test']}").wait_for()
        stands(page)
    assert demo.faults() == []


def test_differences_shows_every_pair_of_the_chosen_runs(demo, demo_home):
    names = read_board(demo_home).runs["run"].iloc[[0, 12, 23]].tolist()
    with demo.visit(f"compare?view=Differences&runs={','.join(names)}") as page:
        page.locator(".js-plotly-plot").get_by_text("Difference in AUC").wait_for()
        tick_labels = page.locator(".js-plotly-plot .ytick text").all_text_contents()
        assert len(tick_labels) == 3 and all("less" in label for label in tick_labels)
        stands(page)
    assert demo.faults() == []


def test_settings_stand_in_the_place_of_runs(demo):
    with demo.visit("compare?rows=Settings") as page:
        page.get_by_text("Each of these settings is a single run and has no spread").wait_for()
        page.wait_for_url("**settings=*")
        stands(page)


def test_learning_curves_have_a_view_of_their_own(demo):
    with demo.visit("compare?view=Learning") as page:
        page.locator(".js-plotly-plot").get_by_text("Epoch (dotted: train").wait_for()
        stands(page)


def test_only_some_runs_are_listed(demo, demo_home):
    runs = read_board(demo_home).runs
    some = runs[(runs["pool"] == "gap") & (runs["optimizer"] == "adam")]
    with demo.visit("compare?only=gap&only=adam") as page:
        page.get_by_text(f"{len(some)} of {len(runs)} runs.").wait_for()
        page.wait_for_url(f"**runs={some['run'].iloc[0]}*")
    with demo.visit("compare?only=nonsense") as page:
        page.locator("[data-testid=stDataFrame]").first.wait_for()
        stands(page)
