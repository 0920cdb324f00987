"""The Sweep form keeps every field but the one that lacks something, and counts before it multiplies out."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_words import PAGES


@pytest.fixture
def page(tiny, monkeypatch):
    monkeypatch.setenv("MAMMO_HOME", str(tiny.path))
    monkeypatch.setattr(
        "mammo.estimates.measuring.can_measure", lambda: False
    )  # which would go on in processes of its own
    return AppTest.from_file(PAGES / "sweep.py", default_timeout=60)


def buttons(page):
    return [button.label for button in page.button]


@pytest.mark.faults("a field of the Sweep form is cleared", "all others stay as they are, and it says what it lacks")
@pytest.mark.parametrize("key", ["lr", "pool", "optimizer", "hidden", "dropout", "caches"])
def test_a_cleared_field_keeps_the_others(page, key):
    page.run()
    page.number_input(key="epochs").set_value(7)
    page.multiselect(key="dropout").set_value(["0", "0.5"]).run()
    assert "Train the heads" in buttons(page)
    chosen = page.multiselect(key=key).value
    page.multiselect(key=key).set_value([]).run()
    assert not page.exception and "Train the heads" not in buttons(page)
    assert sum("Choose at least one entry" in text.value for text in page.markdown) == 1
    page.multiselect(key=key).set_value(chosen).run()
    assert not page.exception and "Train the heads" in buttons(page)
    assert page.number_input(key="epochs").value == 7
    assert page.multiselect(key="dropout").value == ["0", "0.5"]


@pytest.mark.faults("a link that asks for more runs than a server should make", "they are counted and refused unmade")
@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (
            "seed = [" + ",".join(map(str, range(200))) + "]\nepochs = [" + ",".join(map(str, range(1, 200))) + "]",
            "multiply out to 39",
        ),
        ("redraws = 1000000000", "At most 50 draws"),
        ("lr = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_a_link_cannot_ask_for_too_much(page, toml, sentence):
    page.query_params.update(grid="As TOML", toml=toml)
    page.run()
    assert not page.exception and "Train the heads" not in buttons(page)
    assert any(sentence in text.value for text in page.markdown)
