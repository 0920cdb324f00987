"""Instant mode as a visitor sees it: validation first, test behind a switch that says what it means."""

import pytest

from mammo.runs.sweep import sweeps

pytestmark = pytest.mark.browser


def test_a_change_retrains_at_once_and_test_figures_wait_behind_a_switch(demo, demo_home):
    before = sweeps(demo_home)
    with demo.visit("sweep?mode=Instant&pool=GAP&epochs=3&patience=0") as page:
        summary = page.get_by_text("heads trained in")
        summary.wait_for()
        legend = page.locator(".js-plotly-plot .legendtext")
        legend.first.wait_for()
        first = legend.all_text_contents()
        assert page.get_by_text("on the validation images").count() == 1
        assert page.get_by_text("Synthetic data").first.is_visible()
        epochs = page.get_by_label("Epochs", exact=True)
        epochs.fill("9")
        epochs.press("Enter")
        page.wait_for_function(
            "first => [...document.querySelectorAll('.js-plotly-plot .legendtext')][0]?.textContent !== first",
            arg=first[0],
        )
        page.get_by_text("Show test figures too").click()
        page.get_by_text("choose on the test set").wait_for()
        page.get_by_text("on the test images").wait_for()
        page.get_by_role("button", name="Keep as a sweep").wait_for()
    assert sweeps(demo_home) == before
    assert demo.faults() == []


def test_instant_mode_asks_for_pooled_heads(demo):
    with demo.visit("sweep?mode=Instant&pool=Flatten") as page:
        page.get_by_text("choose GAP under").wait_for()
    assert demo.faults() == []
