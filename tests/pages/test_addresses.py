"""Addresses: what they name is shown, what is not here is said, and no nonsense breaks a page."""

from __future__ import annotations

import ast
import random
from inspect import isfunction, signature
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit import config
from streamlit.testing.v1 import AppTest

from benchmarks.sessions import PAGES, dashboard, memory, visit
from mammo.results.board.leaderboard import leaderboard
from mammo.results.setting_words import short_names
from pages.shared.base import choose
from pages.shared.base.address import KNOWN
from tests.pages.test_words import PAGES as FOLDER

NONSENSE = ["", "gone", "..%2F..%2Fetc%2Fpasswd", "%3Cb%3E", "%00", "%ff", "%ED%A0%80", "🩻", "a" * 1500, "-1", "nan"]
NONSENSE += ["inf", "1e999", "9" * 400, "[]", "null", "true", "0x10", "١٢", "x.1%2By.2@breast-max", "a,b,,c", "+"]
NONSENSE += ["$%5Cfrac%7B1%7D%7B0%7D$", "%7B%7B7*7%7D%7D", "lr%20%3D%20%5B1e400%5D", "pool%3D%5B%22gap%22%5D"]
NONSENSE += ["file%3A%2F%2F%2Fetc", "None", "2.5", "%0d%0aSet-Cookie:a", "sensitivity", "All+sweeps", "%E2%80%AE"]
NONSENSE += ["%5B" * 50]
VIEWS = ["Split", "Reader", "Resize+microscope", "Problems", "Operating+point", "Calibration", "Subgroups", "Learning"]


def malformed(seed: int, count: int) -> list[tuple[str, str]]:
    """Pages with addresses that make no sense, most of them in one of the page's views."""
    draw = random.Random(seed)
    addresses = []
    for _ in range(count):
        parts = [f"{draw.choice(sorted(KNOWN))}={draw.choice(NONSENSE)}" for _ in range(draw.randint(1, 8))]
        if draw.random() < 0.5:
            parts.append(f"view={draw.choice(VIEWS)}")
        addresses.append((draw.choice([*PAGES, "", "nonsense"]), draw.choice(["&", "&&"]).join(parts)))
    return addresses


@pytest.fixture(scope="module")
def served(demo_home, tmp_path_factory):
    """The demo's dashboard: its address, its process and its log."""
    log = tmp_path_factory.mktemp("addresses") / "log"
    with dashboard(demo_home, log) as (address, server):
        yield address, server, log


@pytest.fixture
def look(served):
    """Open a page with an address in a session of its own."""

    def look(page, query="", **query_values):
        with visit(served[0]) as visitor:
            answer = visitor.open(page, query or urlencode(query_values, doseq=True))
        assert not answer.exceptions
        return answer

    return look


def unmet(answer, words="the address"):
    """What the page says of its address, a sentence a line, without markdown's escapes."""
    return [line.strip() for box in answer.boxes for line in box.replace("\\", "").splitlines() if words in line]


@pytest.mark.faults("a link names what is not here", "the page says so, and what it shows instead")
@pytest.mark.parametrize(("page", "query_values", "sentences"), [
    ("data", {"dataset": "gone", "kind": "gone", "sample": "0", "stretched": "yes"}, [
        "Data set: the address asks for “gone”, which is not here. Shown: phantom-demo.",
        "Images: the address asks for “gone”, which is not here. Shown: Full mammograms.",
        "Sample: the address asks for “0”, which is no whole number from 1 to 1,000. Shown: 1.",
        "Stretch brightness: the address asks for “yes”, which is neither true nor false. Shown: off.",
    ]),
    ("data", {"view": "Preprocessing", "image": "gone"}, ["Mammogram: the address asks for “gone”, which is not"]),
    ("sweep", {"pool": ["GAP", "gone", "mean"], "epochs": "1e9"}, [
        "Pooling: the address asks for “gone”, “mean”, which is not here. Shown: GAP.",
        "Epochs: the address asks for “1e9”, which is no whole number from 1 to 1,000. Shown: 30.",
    ]),
    ("sweep", {"mode": "results", "sweep": "gone"}, ["Sweep: the address asks for “gone”, which is not here."]),
    ("features", {"tap": "nowhere"}, ["Cut the trunk at: the address asks for “nowhere”, which is not here."]),
    ("compare", {"view": "gone", "runs": "gone.1,gone.2", "only": "Pooling: gone"}, [
        "Only: the address asks for “Pooling: gone”, which is not here. Nothing is chosen.",
        "Runs: the address asks for “gone.1”, “gone.2”, which is not here. Shown: phantom-demo-",
        "Look at: the address asks for “gone”, which is not here. Shown: Curves.",
    ]),
    ("compare", {"rows": "settings", "settings": "gone.1"}, ["Settings: the address asks for “gone.1”"]),
    ("inspect", {"run": "gone.1", "rule": "best", "level": "breast", "fuse": "gone"}, [
        "Fused by: the address asks for “gone”, which is not here. Shown: ",
        "Run, best validation AUC first: the address asks for “gone.1”, which is not here. Shown: 1. ",
        "Threshold, chosen on validation: the address asks for “best”, which is not here. Shown: ",
    ]),
    ("report", {"trunks": "gone"}, ["Trunks: the address asks for “gone”, which is not here."]),
])  # fmt: skip
def test_what_is_not_here_is_said(look, page, query_values, sentences):
    lines = unmet(look(page, **query_values))
    assert len(lines) == len(sentences)
    assert [line[: len(start)] for line, start in zip(lines, sentences, strict=True)] == sentences


@pytest.mark.faults("a link has a parameter that no page has", "the page says so in one line, and is else as without")
def test_a_parameter_that_no_page_has_is_said(look, demo_home):
    run = leaderboard(demo_home)["run"].iloc[5]
    seen = look("compare", foo="1", runs=run, view="gone", embed_options="light_theme")
    assert [line.split(". Shown")[0] for line in unmet(seen, "he address")] == [
        "The address names what no page asks for, and it is passed over: “foo”.",
        "Look at: the address asks for “gone”, which is not here",
    ]
    many = unmet(look("data", **{f"*x{number}*": "1" for number in range(7)}), "no page asks")
    assert len(many) == 1 and many[0].endswith(": “*x0*”, “*x1*”, “*x2*”, “*x3*”, “*x4*” and more.")
    for page in PAGES:
        assert not unmet(look(page, embed="true", **dict.fromkeys(("draws", "label", "state"), "1")), "no page asks")


def test_every_parameter_of_the_pages_is_known():
    """All that a widget of a page keeps in the address by a name that stands in its code."""
    places = {
        name: list(signature(function).parameters).index("key")
        for name, function in vars(choose).items()
        if isfunction(function) and "key" in signature(function).parameters
    }
    found = set()
    for file in FOLDER.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
            given = {word.arg: word.value for word in call.keywords}
            place = places.get(getattr(call.func, "attr", ""))
            if place is not None and len(call.args) > place:
                given["key"] = call.args[place]
            if isinstance(key := given.get("key"), ast.Constant) and (place is not None or "bind" in given):
                found.add(key.value)
    assert len(found) > 50 and found <= KNOWN


def test_what_is_here_is_not_talked_of(look, demo_home):
    board = leaderboard(demo_home)
    run, name = board["run"].iloc[5], short_names(board)[board["run"].iloc[5]]
    answer = look("inspect", dataset="ignored", run=f"6. {name} ({run})", rule="At a sensitivity", target="80")
    assert not unmet(answer) and answer.query is None
    assert not unmet(look("compare", runs=f"{run},{board['run'].iloc[6]}"))
    assert not unmet(look("sweep", lr=["1e-3", "2e-3"], hidden="17", pool="GAP", epochs="20", probes="true"))
    assert not unmet(look("data", view="Split", protocol="The report's", split_seed="3"))


def test_names_of_the_package_are_understood_as_well(look, demo_home):
    """By its own name, in other letters, or a run by its id; the address then says it as the page does."""
    run = leaderboard(demo_home)["run"].iloc[5]
    answer = look("inspect", rule="sensitivity", target="80", run=run, level="IMAGE")
    assert not unmet(answer)
    address = parse_qs(answer.query)
    assert (
        address["rule"] == ["At a sensitivity"]
        and address["run"][0].endswith(f"({run})")
        and address["target"] == ["80"]
    )
    answer = look("sweep", pool=["flatten", "nowhere"])
    assert "Shown: Flatten" in unmet(answer)[0]
    answer = look("", view="Split", protocol="paper")
    assert "Leakage:" in "".join(answer.boxes) and parse_qs(answer.query) == {
        "view": ["Split"],
        "protocol": ["The report's"],
    }


def test_it_is_said_until_something_else_is_chosen(demo_home, monkeypatch):
    monkeypatch.setenv("MAMMO_HOME", str(demo_home.path))
    page = AppTest.from_string(CHOICES, default_timeout=60)
    page.query_params.update({"image": "plum", "size": "9"})
    page.run()
    assert [line.split(":")[0] for line in page.warning[0].value.splitlines()] == ["Fruit", "Size"]
    page.number_input(key="size").set_value(3).run()
    assert [line.split(":")[0] for line in page.warning[0].value.splitlines()] == ["Fruit"]
    page.selectbox(key="image").set_value("pear").run()
    assert not page.warning


CHOICES = """
import streamlit as st
from pages.shared.base import address, choose
address.open_page("here", st.empty())
choose.one("Fruit", ["apple", "pear"], "image")
choose.number("Size", 1, 5, 2, "size")
"""


@pytest.mark.faults("an address with 100,000 values of one choice", "the first 200 of up to 1,000 are read")
@pytest.mark.parametrize(("page", "query"), [("sweep", "lr=1e-3"), ("compare", "only=x")])
def test_an_address_of_many_values_is_bounded(look, page, query):
    answer = look(page, "&".join([query] * 1000))
    key = query.partition("=")[0]
    assert any(f"{key}” (1,000). The first 200 are taken." in box for box in answer.boxes)
    assert len(parse_qs(answer.query or "").get(key, [])) <= 200
    for values in (70_000, 100_000):  # Streamlit reads no address of more than 1,000 values
        assert not any("more values" in box for box in look(page, "&".join([query] * values)).boxes)


@pytest.mark.faults("malformed addresses", "no page fails")
def test_nonsense_breaks_no_page(served):
    address, _, log = served
    for page, query in malformed(seed=11, count=25):
        with visit(address) as visitor:
            assert not visitor.open(page, query).exceptions, (page, query)
    assert "Traceback" not in log.read_text()


@pytest.mark.nightly
@pytest.mark.faults("1,000 malformed addresses", "no page fails, and memory grows by less than 100 MB")
def test_a_thousand_malformed_addresses(demo_home, tmp_path):
    log = tmp_path / "log"
    with dashboard(demo_home, log) as (address, server):
        for page in PAGES:
            with visit(address) as visitor:
                visitor.open(page)
        before = memory(server)
        for page, query in malformed(seed=1, count=1000):
            with visit(address) as visitor:
                assert not visitor.open(page, query).exceptions, (page, query)
        grown = memory(server) - before
    assert "Traceback" not in log.read_text()
    assert grown < 100, f"{grown:.0f} MB"


@pytest.fixture
def public():
    """This process takes itself for a server that others visit."""
    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", [*before, "mammo.example.org"])
    yield
    config.set_option("server.allowedHosts", before)


def test_visitors_name_no_file_of_the_server(public, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("MAMMO_HOME", str(tiny.path))
    monkeypatch.setattr("mammo.estimates.measuring.can_measure", lambda: False)
    (tmp_path / "open").mkdir()
    for name in ("closed.safetensors", "open/mine.safetensors"):
        save_file({"numbers": np.zeros(1, np.float32)}, tmp_path / name)

    def features(**query_values):
        page = AppTest.from_file(FOLDER / "features.py", default_timeout=60)
        page.query_params.update(query_values)
        return page.run()

    shut = features(trunk="VGG16", weights="Weights from a file", file=str(tmp_path / "open/mine.safetensors"))
    assert not shut.exception and not [field for field in shut.text_input if field.key == "file"]
    monkeypatch.setenv("MAMMO_DATA_ROOTS", str(tmp_path / "open"))
    (tmp_path / "open/way-out.safetensors").symlink_to(tmp_path / "closed.safetensors")
    for closed in ("closed", "open/../closed", "open/way-out", "nothing"):
        page = features(trunk="VGG16", weights="Weights from a file", file=str(tmp_path / f"{closed}.safetensors"))
        assert not page.exception
        assert all(button.disabled for button in page.button if button.label == "Extract features")
        texts = [text.value.replace("\\", "") for text in page.markdown]
        assert any(f"Name an existing weights file under {tmp_path / 'open'}" in text for text in texts)
    page = features(trunk="VGG16", weights="Weights from a file", file=str(tmp_path / "open/mine.safetensors"))
    assert not page.exception and "Extract features" in [button.label for button in page.button]
