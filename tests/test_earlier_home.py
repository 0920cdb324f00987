"""A home of an earlier version is read as that version read it: every name, number, file, address and command stays.

`tests/earlier/` holds the home and what the version that made it answered; `tests/earlier/make.py` says how both came
about. What is added does no harm: new fields, columns, options, lines. What was there keeps its name and its value.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.specs import Home, SweepSpec
from tests.earlier import asking

SAME = 1e-9
"""How far numbers may lie apart that are computed from stored scores: processors add up in different orders."""
FITTED = 1e-5
"""And those that a search for a minimum ends at, which are as exact as its steps are small: temperatures."""
TRAINED = 1e-4
"""And scores of heads that are trained anew in single precision, a few epochs long, maybe on another processor."""
GONE = {"seconds", "files", "digest"}
"""What `sweep.json` tells of the hour and of the bytes of other files."""
LEARNT = {"best_epoch", "trained_epochs", "strength"}
"""What `runs.parquet` tells of how training went."""
LATER = {"finetune", "tail_lr", "first_draws", "scoring"}
"""Fields of heads that sweeps of still earlier versions do not name."""

RECORDED = asking.recorded()
NAMES: dict[str, str] = RECORDED["names"]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, to be read; do not change it."""
    return asking.unpack(tmp_path_factory.mktemp("earlier") / "home")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The home, to be changed."""
    return asking.unpack(tmp_path / "own")


def lost(was: Any, now: Any, path: str = "") -> Iterator[str]:
    """What is not as it was, each in a line; whatever is new in a table of fields is none of it."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key, value in was.items():
            yield from lost(value, now[key], f"{path}.{key}") if key in now else [f"{path}.{key} is gone"]
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, pair in enumerate(zip(was, now, strict=True)):
            yield from lost(*pair, f"{path}[{number}]")
    elif not alike(was, now, FITTED if "temperature" in path.lower() else SAME):
        yield f"{path} was {was!r:.200} and is {now!r:.200}"


def alike(was: Any, now: Any, apart: float) -> bool:
    if isinstance(was, float) and isinstance(now, int | float) and not isinstance(now, bool):
        return math.isclose(was, now, rel_tol=apart, abs_tol=1e-12)
    return type(was) is type(now) and bool(was == now)


def stays(was: Any, now: Any) -> None:
    losses = list(lost(was, now))
    assert not losses, "\n".join(losses[:20])


def _without_commas(lines: list[str]) -> list[str]:
    """Lines without the comma behind them, which the last key of JSON gets when another follows."""
    return [line.rstrip(",") for line in lines]


def lines_stay(was: list[str], now: list[str]) -> None:
    """All lines of a text are there, in their order; others may stand between them."""
    remaining = iter(now)
    assert [line for line in was if line not in remaining] == []


def states(folder: Path) -> dict[str, tuple[int, int]]:
    """All files below a folder but locks, with what changes when one is written."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def about(home: Path, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((home / "sweeps" / NAMES[name] / "sweep.json").read_text())
    return answer


@pytest.mark.parametrize("name", asking.READ)
def test_what_a_command_tells_stays(earlier: Path, name: str) -> None:
    stays(RECORDED["asked"][name], asking.answer(earlier, asking.READ[name], **NAMES))


@pytest.mark.parametrize("command", RECORDED["options"])
def test_commands_and_their_options_stay(command: str) -> None:
    assert set(RECORDED["options"][command]) - set(asking.options(command)) == set()


@pytest.mark.parametrize("name", asking.EXTRACTED)
def test_features_that_are_asked_for_again_are_found_and_not_computed(earlier: Path, name: str) -> None:
    before = states(earlier / "features")
    answer = asking.answer(earlier, asking.EXTRACTED[name])
    stays(RECORDED["asked"][name], answer)
    assert answer["cache"] == NAMES[name] and answer["computed"] == 0 and states(earlier / "features") == before


@pytest.mark.parametrize("name", asking.TRAINED)
def test_a_command_that_is_given_again_finds_its_sweep_and_trains_nothing(earlier: Path, name: str) -> None:
    before = states(earlier / "sweeps")
    answer = asking.answer(earlier, asking.TRAINED[name], **NAMES)
    stays(RECORDED["asked"][name], answer)
    assert answer["sweep"] == NAMES[name] and states(earlier / "sweeps") == before


def test_every_sweep_that_is_asked_for_again_by_its_spec_is_found_by_name(earlier: Path) -> None:
    before = states(earlier / "sweeps")
    for folder in sorted((earlier / "sweeps").iterdir()):
        answer = json.loads((folder / "sweep.json").read_text())
        spec = SweepSpec.from_json(answer["spec"])
        stays(answer["spec"], json.loads(json.dumps(spec.to_json())))
        if not answer.get("stopped"):
            assert finish(sweep(Home(earlier), spec, "cpu")) == folder.name
    assert states(earlier / "sweeps") == before


def test_a_spec_that_lacks_what_came_later_asks_for_the_same_sweep(earlier: Path) -> None:
    for name in ("many", "folds", "drawn", "three"):
        spec = about(earlier, name)["spec"]
        for head in spec["heads"]:
            for field in LATER:
                del head[field]
        assert finish(sweep(Home(earlier), SweepSpec.from_json(spec), "cpu")) == NAMES[name]


@pytest.mark.parametrize("name", asking.TRAINED)
def test_heads_that_are_trained_anew_come_to_the_same_scores_and_files(own: Path, name: str) -> None:
    path, before = own / "sweeps" / NAMES[name], own / "before"
    shutil.move(path, before)
    assert asking.answer(own, asking.TRAINED[name], **NAMES)["sweep"] == NAMES[name]
    np.testing.assert_allclose(np.load(path / "logits.npy"), np.load(before / "logits.npy"), atol=TRAINED, rtol=0)
    np.testing.assert_array_equal(np.load(path / "parts.npy"), np.load(before / "parts.npy"))
    np.testing.assert_allclose(np.load(path / "history.npy"), np.load(before / "history.npy"), atol=TRAINED, rtol=0)
    for file in ("runs.parquet", "images.parquet"):
        was, now = (asking.columns_of(pd.read_parquet(folder / file)) for folder in (before, path))
        stays({column: values for column, values in was.items() if column not in LEARNT}, now)
    was, now = (json.loads((folder / "sweep.json").read_text()) for folder in (before, path))
    stays({field: value for field, value in was.items() if field not in GONE}, now)
    assert set(was["files"]) <= set(now["files"])


def test_a_stopped_sweep_is_trained_to_its_end_under_its_name(own: Path) -> None:
    answer, folder = about(own, "stopped"), own / "sweeps" / NAMES["stopped"]
    finished = np.load(folder / "logits.npy")
    assert finish(sweep(Home(own), SweepSpec.from_json(answer["spec"]), "cpu")) == NAMES["stopped"]
    assert len(finished) == answer["stopped"]["runs"] and len(np.load(folder / "logits.npy")) == answer["stopped"]["of"]
    assert "stopped" not in about(own, "stopped")


def test_a_sweep_without_digests_is_read_as_one_with_them(own: Path) -> None:
    for folder in (own / "sweeps").iterdir():
        answer = json.loads((folder / "sweep.json").read_text())
        without = {field: value for field, value in answer.items() if field not in ("files", "digest")}
        (folder / "sweep.json").write_text(json.dumps(without))
    for name in ("leaderboard in groups", "compare", "operate", "paper"):
        stays(RECORDED["asked"][name], asking.answer(own, asking.READ[name], **NAMES))


@pytest.mark.parametrize("form", ["csv", "parquet", "cards"])
def test_what_is_exported_stays(earlier: Path, tmp_path: Path, form: str) -> None:
    files = asking.told_in(asking.exported(earlier, tmp_path / form, form, **NAMES))
    for file, was in RECORDED["exported"][form].items():
        assert file in files
        if isinstance(was, list):
            lines_stay(_without_commas(was), _without_commas(files[file]))
        else:
            stays(was, files[file])


def test_a_demo_of_it_tells_what_it_told(earlier: Path, tmp_path: Path) -> None:
    demo = asking.exported(earlier, tmp_path / "demo", "demo", **NAMES)
    stays(RECORDED["exported"]["demo"], asking.answer(demo, asking.READ["leaderboard"]))


def shows_what_it_did(was: dict[str, Any], now: dict[str, Any]) -> None:
    """A page shows what it did, and finds nothing in its address that it does not know."""
    assert not now["wrong"] and not [warning for warning in now["warnings"] if asking.UNKNOWN in warning]
    for name in ("widgets", "facts", "address", "tables"):
        stays({name: was[name]}, {name: now[name]})
    assert set(was["figures"]) <= set(now["figures"])
    for old, new in zip(was["links"], now["links"], strict=True):
        assert old.partition("?")[0] == new.partition("?")[0]
        stays(parse_qs(old.partition("?")[2]), parse_qs(new.partition("?")[2]))


@pytest.mark.parametrize("name", asking.ADDRESSES)
def test_an_address_shows_what_it_showed(earlier: Path, name: str) -> None:
    shows_what_it_did(RECORDED["looked"][name], asking.look(earlier, asking.ADDRESSES[name], **NAMES))


@pytest.mark.parametrize("link", RECORDED["cloned"])
def test_a_link_that_lends_the_settings_of_a_run_still_chooses_them(earlier: Path, link: str) -> None:
    shows_what_it_did(RECORDED["cloned"][link], asking.look(earlier, asking.parsed(link)))


def test_what_is_lost_is_noticed() -> None:
    was = {"a": [1.0, None, {"b": "c"}], "temperature": 2.0}
    assert list(lost(was, {**was, "new": 1, "temperature": 2.000001})) == []
    assert list(lost(was, {"a": [1.0, None, {"d": "c"}], "temperature": 2.0})) == [".a[2].b is gone"]
    assert [line[:4] for line in lost(was, {"a": [1.00000001, 0, {"b": "c"}]})] == [".a[0", ".a[1", ".tem"]


def test_it_names_no_machine(earlier: Path) -> None:
    contents = [json.dumps(RECORDED).encode(), *(path.read_bytes() for path in earlier.rglob("*") if path.is_file())]
    assert not [root for root in (b"/tmp/", b"/home/", b"/root/", b"/work/") for text in contents if root in text]
