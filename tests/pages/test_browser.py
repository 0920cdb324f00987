"""The dashboard as a visitor sees it."""

import pytest

from mammo.data.index.cbis_ddsm import index_cbis_ddsm
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard

pytestmark = pytest.mark.browser

PAGES = ["data", "features", "sweep", "compare", "inspect", "report", "jobs"]
EMPTY = {
    "data": "There is no data set yet",
    "features": "There is no data set yet",
    "sweep": "There is no data set yet",
    "compare": "There is no sweep yet",
    "inspect": "There is no sweep yet",
    "report": "There is no data set yet",
    "jobs": "Nothing has been started",
}


def looks_whole(page, name):
    """The page has its title, its frame, the pages to go to, and no exception."""
    assert page.locator("h1").inner_text() == name.capitalize()
    links = page.locator("[data-testid=stSidebarNavLink]")
    assert [text.split("\n")[-1] for text in links.all_inner_texts()] == [page.capitalize() for page in PAGES]
    assert page.get_by_text("not a medical device").count() == 1
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def narrow_enough(page):
    """Nothing makes a phone scroll sideways."""
    page.set_viewport_size({"width": 420, "height": 900})
    page.locator("h1").wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollWidth <= window.innerWidth")


def test_first_hit_on_a_fresh_server_is_a_deep_link(fresh, home):
    with fresh(home) as site, site.visit("compare?runs=some.1") as page:
        looks_whole(page, "compare")
        assert site.faults() == []


@pytest.mark.parametrize("name", PAGES)
def test_each_page_opens_alone_with_an_empty_home(empty, name):
    with empty.visit(name) as page:
        looks_whole(page, name)
        assert page.get_by_text(EMPTY[name]).first.is_visible()
        narrow_enough(page)
    assert empty.faults() == []


@pytest.mark.parametrize("name", PAGES)
def test_each_page_opens_alone_with_the_demos_home(demo, name):
    with demo.visit(name) as page:
        looks_whole(page, name)
        assert page.locator("[data-testid=stAlertContentError]").count() == 0
        if name != "jobs":
            assert page.get_by_text("Synthetic data").first.is_visible()
        narrow_enough(page)
    assert demo.faults() == []


def test_the_address_without_a_page_leads_to_data(demo):
    with demo.visit("") as page:
        page.wait_for_url("**/data")
        assert page.locator("h1").inner_text() == "Data"


def test_compare_shows_the_runs_of_a_shared_link_and_of_a_click(demo, demo_home):
    board = leaderboard(demo_home)
    with demo.visit(f"compare?runs={board['run'][4]}") as page:
        legend = page.locator(".js-plotly-plot .legendtext")
        legend.first.wait_for()
        shown = [text for text in legend.all_text_contents() if "AUC" in text and "Reader" not in text]
        assert len(shown) == 1
        assert f"AUC {board['test_auc'][4]:.2f}" in shown[0]
        assert f"n = {board['n_test'][4]}" in shown[0]
        page.locator("[data-testid=stDataFrame] canvas").first.click(position={"x": 20, "y": 38 + 17}, force=True)
        page.wait_for_url(f"**runs=*{board['run'][0]}*")


def test_inspect_shows_a_mistake_at_full_size(demo):
    with demo.visit("inspect?answers=All") as page:
        page.get_by_text("Full size").first.click()
        dialog = page.get_by_role("dialog")
        dialog.locator("img").wait_for()
        assert dialog.locator("img").evaluate("image => image.naturalHeight") > 320
        assert "run says" in dialog.inner_text()
        assert "Synthetic data" in dialog.inner_text()


RUN_VIEWS = {
    "Subgroups": "malignant or 10 benign breasts",
    "Operating point": "Confusion matrix",
    "Precision and recall": "Partial AUC is McClish's",
    "Calibration": "Logits are divided by the temperature",
    "Images": "Breasts 1 to",
}


def test_every_view_of_a_run_can_be_gone_to(demo):
    chosen = "level=Breast&fuse=Highest&rule=At+a+sensitivity&target=80&by=Breast+density"
    with demo.visit(f"inspect?view=Subgroups&{chosen}") as page:
        for view, shown in RUN_VIEWS.items():
            page.get_by_role("radio", name=view).click()
            page.get_by_text(shown).first.wait_for()
            page.locator(".js-plotly-plot").first.wait_for()
            looks_whole(page, "inspect")
            assert page.locator("[data-testid=stAlertContentError]").count() == 0
        narrow_enough(page)
    assert demo.faults() == []


def test_ticked_runs_become_an_ensemble_at_any_level(demo, demo_home):
    first, second = leaderboard(demo_home)["run"].iloc[[0, 23]]
    both = f"{first}+{second.rpartition('.')[2]}"
    board = leaderboard(demo_home, level="breast", fuse=["max"], ensembles=[both])
    row = board[board["run"] == f"{both}@breast-max"].iloc[0]
    with demo.visit(f"compare?runs={first},{second}&ensembles=no.1&level=Breast&fuse=Highest") as page:
        page.get_by_text("There is no finished sweep 'no'").wait_for()
        page.get_by_role("button", name="Add the ensemble of 2 runs").click()
        page.wait_for_url(f"**ensembles=*{both.replace('+', '%2B')}*")
        legend = page.locator(".js-plotly-plot .legendtext", has_text="ensemble of 2").first
        legend.wait_for()
        assert f"AUC {row['test_auc']:.2f}" in legend.text_content()
        assert f"n = {row['n_test']}" in legend.text_content()
    assert demo.faults() == []


def test_an_address_with_nonsense_shows_the_page_all_the_same(demo):
    nonsense = "dataset=..%2F..%2Fetc&protocol=none&split_seed=x&labels=%3Cb%3E&split_redraw=-1"
    with demo.visit(f"data?view=Split&{nonsense}") as page:
        looks_whole(page, "data")
        assert page.get_by_text("No leakage").count() == 1
    with demo.visit("data?view=None&by=..%2F&sample=99999&label=%3Cb%3E") as page:
        looks_whole(page, "data")
        page.get_by_text("Sample of", exact=True).wait_for()
    with demo.visit("inspect?view=None&rule=best&level=Lesion&fuse=Median&run=..%2F&part=all") as page:
        looks_whole(page, "inspect")
        page.get_by_text("the most confident answers first").wait_for()
    with demo.visit("sweep?lr=abc&hidden=-4") as page:
        page.get_by_text("“Learning rate” takes numbers such as 1e-2, not 'abc'").wait_for()
        page.get_by_text("The hidden units must be between 0 and 8192, not -4").wait_for()
        page.get_by_text("Draws of train and validation").wait_for()
        assert page.get_by_role("button", name="Train the heads").count() == 0
        looks_whole(page, "sweep")
    assert demo.faults() == []


def test_the_paper_split_is_shown_to_leak(demo):
    with demo.visit("data?view=Split&protocol=The+report%27s") as page:
        assert page.get_by_text("Leakage:").count() == 1
        page.get_by_text("— leak").first.wait_for()


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("Images", "Mammograms of the patient"),
        ("Images&kind=Crops+of+lesions", "Crops of the patient"),
        ("Split", "Train only"),
        ("Reader", "Compare every model with this"),
        ("Resize+microscope", "% of the original"),
        ("Preprocessing", "CLAHE again"),
        ("Problems", "Every file could be read"),
    ],
)
def test_every_view_of_a_data_set_opens_alone(demo, view, shown):
    with demo.visit(f"data?view={view}") as page:
        page.get_by_text(shown).first.wait_for()
        looks_whole(page, "data")
        assert page.locator("[data-testid=stAlertContentError]").count() == 0
        narrow_enough(page)
    assert demo.faults() == []


def test_tables_alone_can_be_studied(fresh, home, demo_home):
    root = demo_home.dataset("phantom-demo") / "files"
    finish(index_cbis_ddsm(home, "tables", root, metadata_only=True))
    with fresh(home) as site:
        with site.visit("data?view=Split") as page:
            page.get_by_text("No leakage").wait_for()
            assert page.get_by_text("Synthetic data").first.is_visible()
        for view in ("Resize+microscope", "Preprocessing"):
            with site.visit(f"data?view={view}") as page:
                page.get_by_text("comes without images").wait_for()
        with site.visit("data?view=Images") as page:
            page.get_by_text("case CSVs alone").wait_for()
            looks_whole(page, "data")
        assert site.faults() == []


def test_a_bad_name_is_answered_with_a_sentence(empty):
    with empty.visit("data") as page:
        page.get_by_label("Name").fill("../outside")
        page.get_by_text("Make it").click()
        page.get_by_text("cannot name a data set").wait_for()


@pytest.mark.parametrize("label", ["Name", "Mammograms", "Seed"])
def test_enter_in_a_field_of_the_phantom_makes_none(empty, label):
    with empty.visit("data") as page:
        page.get_by_label("Name").fill("../outside")
        page.get_by_label(label).press("Enter")
        page.wait_for_timeout(1000)
        assert page.get_by_text("cannot name a data set").count() == 0
        page.get_by_text("Make it").click()
        page.get_by_text("cannot name a data set").wait_for()


def test_work_goes_on_when_its_page_is_closed(fresh, home):
    with fresh(home) as site:
        with site.visit("data") as page:
            page.get_by_label("Mammograms").fill("20")
            page.get_by_text("Make it").click()
            page.get_by_text("Making a phantom").wait_for()
        with site.visit("jobs") as page:
            page.get_by_text("Go on to Data").wait_for()
        with site.visit("data") as page:
            page.get_by_text("Sample of", exact=True).wait_for()
        assert site.faults() == []


def test_work_can_be_cancelled(fresh, home):
    with fresh(home) as site, site.visit("data") as page:
        page.get_by_label("Mammograms").fill("20000")
        page.get_by_text("Make it").click()
        page.get_by_text("Cancel", exact=True).click()
        page.get_by_text("Cancelled").wait_for()
        assert site.faults() == []
