"""Every kind of stored file is damaged in every way, one at a time: all other results are shown as before."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mammo.cli import main
from mammo.data.dataset.dataset import Dataset, datasets
from mammo.errors import MammoError
from mammo.estimates.prices import FILE as PRICES
from mammo.estimates.prices import remember
from mammo.features.cache.cache import Cache, caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.paper import open_report_runs, report_spec
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board, to_json
from mammo.runs.sweep import Sweep, sweeps
from mammo.runs.sweep_files import ABOUT, HEADS, LOGITS, RUNS, are_scores, facts_of, with_digest
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.storage.atomic_files import PARTIAL
from mammo.storage.digests import digest_bytes
from mammo.storage.json_files import write_json
from mammo.verify import repair, repair_items, verify

FRAME = Path(__file__).parents[2] / "pages" / "shared" / "frame.py"
PAGES = FRAME.parents[1]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


OFTEN = ["flipped"]
"""The faults that every run of the tests tries; `make slow` tries all."""
FAULTS: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "flipped": flip,
    "emptied": lambda path: path.write_bytes(b""),
    "removed": lambda path: path.unlink(),
}
MAIN = {ABOUT, RUNS, LOGITS, "index.parquet", "manifest.json"}
"""The files that every run of the tests damages in all ways."""
TRIED = [*OFTEN, *(pytest.param(name, marks=pytest.mark.nightly) for name in FAULTS if name not in OFTEN)]
ALL_OF_THEM, MAIN_ONES = "every kind of file", "the main files"
EVERY_DAY = [(fault, ALL_OF_THEM if fault in OFTEN else MAIN_ONES) for fault in FAULTS]
AT_NIGHT = [pytest.param(fault, ALL_OF_THEM, marks=pytest.mark.nightly) for fault in FAULTS if fault not in OFTEN]
UNSEEN = {"previews", PRICES}
"""Files in which a flipped byte may give another valid picture or price, which nobody can detect."""


@pytest.fixture(scope="module")
def stored(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two data sets, a cache, two sweeps, their leaderboard and prices; tests restore damaged files."""
    home = Home(tmp_path_factory.mktemp("stored") / "home")
    shutil.copytree(tiny.path, home.path)
    shutil.copytree(tiny.dataset("tiny"), home.dataset("other"))
    names = tuple(caches(home, "tiny"))
    for seed in (0, 1):
        heads = expand({"pool": ["gap"], "lr": [1e-2, 1e-3], "epochs": [1], "seed": [seed]})
        finish(sweep(home, SweepSpec("tiny", names, heads, (SplitSpec(),)), "cpu"))
    read_board(home)
    for kind in ("heads", *open_report_runs(home, report_spec(Dataset.open(home, "tiny"))).estimate().missing):
        remember(home, kind, {"heads": 2.0, "trunks": 4.0})  # so that no page measures this machine
    return home


def kind_of(file: Path) -> str:
    """Return a file's path without the parts that differ between items of a kind."""
    text = re.sub(r"[0-9a-f]{8,}", "#", str(file))
    return re.sub(r"\d+", "0", text)


def kinds(home: Home) -> list[Path]:
    """Return one file of every kind in a home."""
    files = sorted(path.relative_to(home.path) for path in home.path.rglob("*") if path.is_file())
    first = {kind_of(file): file for file in reversed(files) if file.name != ".lock" and PARTIAL not in file.name}
    return sorted(first.values())


@contextmanager
def damaged(home: Home, file: Path, fault: str) -> Iterator[Path]:
    """Damage a file, and restore it afterwards."""
    path, aside = home.path / file, home.path.parent / "aside"
    shutil.copy2(path, aside)
    try:
        FAULTS[fault](path)
        yield path
    finally:
        shutil.move(aside, path)


def own_of(file: Path) -> str:
    """Return the item to which a file belongs."""
    return {"sweeps": f"sweep {file.parts[1]}", "datasets": f"dataset {file.parts[1]}"}.get(
        file.parts[0], file.parts[0] if len(file.parts) == 1 else f"{file.parts[0]}/{file.parts[-1]}"
    )


def results(home: Home) -> dict[str, Any]:
    """Return what a home shows for each subject; where it cannot, the sentence that says why."""
    answers: dict[str, Any] = {}

    def ask(subject: str, show: Callable[[], Any]) -> None:
        try:
            answers[subject] = show()
        except MammoError as error:
            assert "\n" not in str(error)
            answers[subject] = str(error)

    board = read_board(home)
    rows = to_json(board.runs)
    for name in home.names("sweeps"):
        sentences = [sentence for sentence in board.left_out if repr(name) in sentence]
        answers[f"sweep {name}"] = [row for row in rows if row["sweep"] == name] or sentences
        ask(f"opened {name}", lambda name=name: digest_bytes(Sweep.open(home, name).logits.tobytes()))
    for name in home.names("datasets"):
        ask(f"dataset {name}", lambda name=name: summary_of(Dataset.open(home, name)))
    (name,) = home.names("features", "tiny")
    ask("cache", lambda: digest_bytes(Cache.open(home, "tiny", name).maps().tobytes()))
    return answers


def summary_of(dataset: Dataset) -> list[Any]:
    return [dataset.digest("full"), dataset.digest("crop"), dataset.images.to_csv(), dataset.lesions.to_csv()]


def touches(file: Path, subject: str) -> bool:
    """Whether a damaged file may affect a subject."""
    if file.parts[0] == "features":
        return subject == "cache"
    return len(file.parts) > 2 and subject.rpartition(" ")[2] == file.parts[1]


@pytest.mark.faults(
    "Any one stored file is truncated, has a byte flipped, is emptied or removed",
    "All other results are shown as before, the damaged one is named with its file, and nothing ends in a traceback",
)
@pytest.mark.parametrize(("fault", "which"), [*EVERY_DAY, *AT_NIGHT])
def test_one_damaged_file_spoils_nothing_else(stored: Home, fault: str, which: str) -> None:
    sound = results(stored)
    assert all(
        not isinstance(answer, str) and answer for subject, answer in sound.items() if subject.startswith("sweep")
    )
    files = kinds(stored)
    assert len(files) > 20
    for file in [file for file in files if which == ALL_OF_THEM or file.name in MAIN]:
        with damaged(stored, file, fault):
            shown = results(stored)
            for subject, before in sound.items():
                now = shown.get(subject)
                if now == before or (not now and file.name == ABOUT and fault == "removed"):
                    continue
                assert touches(file, subject), f"{file} {fault} spoils {subject}: {now}"
                names_file = file.name in str(now) or kind_of(Path(file.name)) in kind_of(Path(str(now)))
                assert names_file or (fault == "removed" and re.search("There is no|is incomplete", str(now))), (
                    f"{file} {fault}: {now}"
                )
    assert results(stored) == sound


@pytest.mark.faults(
    "Any one stored file is damaged and nobody looks at it",
    "`mammo verify` names it and ends with 1; what follows from other files is repaired, byte by byte",
)
@pytest.mark.parametrize("fault", TRIED)
def test_verify_names_every_damaged_file_and_repairs_what_it_can(stored: Home, fault: str) -> None:
    assert finish(verify(stored)).sound
    for file in kinds(stored):
        if unseen(file, fault):
            continue
        with damaged(stored, file, fault) as path:
            name = file.parts[1 if file.parts[0] in ("sweeps", "datasets") else -1]
            only = file.parts[2] if file.parts[0] == "features" else name
            report = finish(verify(stored, only))
            files = [row["file"] for row in report.to_json()]
            assert [item for item in files if item.endswith(file.name)], f"{file} {fault}: {files}"
            if report.damaged and file.parts[0] == "features":
                finish(repair(stored, report.damaged))
                assert path.read_bytes() == (stored.path.parent / "aside").read_bytes() or file.name == "rows.json"
                assert finish(verify(stored, only)).sound, file
            elif all("--repair" in item.remedy for item in report.damaged_items):
                repair_items(stored, report.damaged_items)
                assert not [row for row in finish(verify(stored)).to_json() if row["file"].endswith(file.name)], file


def unseen(file: Path, fault: str) -> bool:
    """Whether a change of a file cannot be noticed: it may be missing, or its item is no longer listed."""
    if file.parent.name == "files" or "files" in file.parts[:-1]:
        return True  # the phantom's own images are not part of the home's results
    if fault == "removed" and (file.name in (ABOUT, "index.parquet", "manifest.json", "rows.json", PRICES)):
        return True
    if fault == "removed" and (file.name == "files.parquet" or file.parts[0] == "boards"):
        return True
    return fault == "flipped" and bool(UNSEEN & {*file.parts})


@pytest.mark.faults("A sweep lacks its heads' weights", "Its results are shown; the same sweep makes them again")
def test_weights_that_are_gone_hide_no_result(stored: Home) -> None:
    name = sweeps(stored)[0]
    before = (stored.sweep(name) / HEADS).read_bytes()
    with damaged(stored, Path("sweeps") / name / HEADS, "removed"):
        assert Sweep.open(stored, name).runs.shape[0] == 2
        spec = SweepSpec.from_json(Sweep.open(stored, name).about["spec"])
        assert finish(sweep(stored, spec, "cpu")) == name
        assert (stored.sweep(name) / HEADS).read_bytes() == before


@pytest.mark.faults("A sweep is damaged", "The same `mammo sweep` makes it again, with the same scores")
@pytest.mark.parametrize("file", [ABOUT, RUNS, LOGITS])
def test_the_same_sweep_makes_a_damaged_one_again(stored: Home, file: str) -> None:
    name = sweeps(stored)[0]
    opened = Sweep.open(stored, name)
    spec, scores = SweepSpec.from_json(opened.about["spec"]), opened.logits.tobytes()
    with damaged(stored, Path("sweeps") / name / file, "flipped"):
        assert finish(sweep(stored, spec, "cpu")) == name
        assert Sweep.open(stored, name).logits.tobytes() == scores
    finish(sweep(stored, spec, "cpu"))


@pytest.mark.faults(
    "A sweep of somebody else lacks a field, under a digest of its own", "It is damaged, and its file and field named"
)
def test_a_sweep_that_lacks_a_field_is_damaged(stored: Home) -> None:
    name = sweeps(stored)[0]
    with damaged(stored, Path("sweeps") / name / ABOUT, "truncated") as path:
        content = json.loads((stored.path.parent / "aside").read_text())
        (cache,) = content["caches"]
        for field in ("trunk", "tap", "size", "augment", "precision", "weights"):
            about = {**content, "caches": {cache: {k: v for k, v in content["caches"][cache].items() if k != field}}}
            write_json(path, with_digest(about, content["files"]))
            with pytest.raises(MammoError, match=rf"{ABOUT}.*{field}"):
                Sweep.open(stored, name)
        splits = [{k: v for k, v in content["splits"][0].items() if k != "spec"}]
        write_json(path, with_digest({**content, "splits": splits}, content["files"]))
        with pytest.raises(MammoError, match=rf"{ABOUT}.*spec"):
            Sweep.open(stored, name)


def test_scores_in_another_order_of_bytes_are_none() -> None:
    assert are_scores(np.zeros(2, np.float32)) and not are_scores(np.zeros(2, np.dtype(np.float32).newbyteorder()))


def test_a_sweep_whose_runs_lack_a_setting_is_damaged(stored: Home) -> None:
    name = sweeps(stored)[0]
    about = (stored.sweep(name) / ABOUT).read_text()
    with damaged(stored, Path("sweeps") / name / RUNS, "truncated") as path:
        runs = pd.read_parquet(stored.path.parent / "aside")
        runs.assign(weights=[None, *runs["weights"][1:]]).to_parquet(path, index=False)
        facts = {**json.loads(about)["files"], RUNS: facts_of(path)}
        write_json(stored.sweep(name) / ABOUT, with_digest(json.loads(about), facts))
        with pytest.raises(MammoError, match=rf"{RUNS}.*lacks settings"):
            Sweep.open(stored, name)
    (stored.sweep(name) / ABOUT).write_text(about)


@pytest.mark.faults(
    "One of several sweeps is damaged",
    "Commands show the others, name it on stderr, and end with 0; alone it ends with 2",
)
def test_commands_name_a_damaged_sweep_and_go_on(stored: Home, tmp_path: Path, capsys: Any) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        return main([*words, "--home", str(stored.path)]), *capsys.readouterr()

    first, second = sweeps(stored)
    with damaged(stored, Path("sweeps") / first / LOGITS, "truncated"):
        code, out, err = run("leaderboard", "--json")
        assert code == 0 and {row["sweep"] for row in json.loads(out)} == {second}
        assert f"The sweep '{first}' is damaged: {LOGITS} has" in err and "run the same `mammo sweep` again" in err
        code, out, err = run("leaderboard", first, second, "--json")
        assert code == 0 and {row["sweep"] for row in json.loads(out)} == {second} and LOGITS in err
        assert run("leaderboard", "--json")[0] == 0, "a board that was kept hides no damage"
        code, out, err = run("leaderboard", first)
        assert code == 2 and LOGITS in err and not out
        assert run("compare", f"{second}.0", f"{second}.1")[0] == 0
        assert run("compare", f"{first}.0", f"{second}.1")[0] == 2
        for form in ("csv", "demo", "cards"):
            code, out, err = run("export", "--to", str(tmp_path / form), "--as", form)
            assert code == 0 and LOGITS in err
        assert sweeps(Home(tmp_path / "demo")) == [second]
        assert run("paper", "tiny", "--no-run", "--trunks", "mini", "--json")[0] == 0
        code, out, err = run("verify", "--json")
        (row,) = json.loads(out)["damaged"]
        assert code == 1 and (row["kind"], row["name"], row["file"], row["cache"]) == ("sweep", first, LOGITS, None)
    code, out, err = run("leaderboard", "--json")
    assert code == 0 and {row["sweep"] for row in json.loads(out)} == {first, second} and "damaged" not in err


FILES = {file.stem for file in PAGES.glob("*.py")}
LOOK_BACK = """
from mammo.data.dataset.dataset import Dataset
from pages.parts.sweep import sweep_results_view
from pages.shared.base import choose
sweep_results_view.results(choose.home(), Dataset.open(choose.home(), "tiny"))
"""


def page(home: Home, name: str, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    monkeypatch.setenv("MAMMO_HOME", str(home.path))
    test = (
        AppTest.from_file(PAGES / f"{name}.py", default_timeout=60) if name in FILES else AppTest.from_string(LOOK_BACK)
    )
    test.query_params.update(address)
    return test.run()


@pytest.mark.faults(
    "One of several sweeps is damaged", "Compare, Inspect, Look back and Report warn of it and show the others"
)
@pytest.mark.parametrize("name", ["compare", "inspect", "look back", "report"])
def test_pages_warn_of_a_damaged_sweep_and_show_the_others(
    stored: Home, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first, second = sweeps(stored)
    with damaged(stored, Path("sweeps") / first / (ABOUT if name == "report" else LOGITS), "flipped"):
        shown = page(stored, name, monkeypatch, dataset="tiny")
        assert not shown.exception and not shown.error
        assert any(first in warning.value.replace("\\", "") for warning in shown.warning)
        if name != "report":
            assert second in str([*shown.selectbox, *shown.dataframe])


@pytest.mark.faults("A data set's index is damaged", "Another can be chosen, and sweeps of it are shown all the same")
def test_a_damaged_index_hides_no_other(stored: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with damaged(stored, Path("datasets/other/index.parquet"), "truncated"):
        assert not page(stored, "data", monkeypatch, dataset="tiny").exception
        assert not page(stored, "compare", monkeypatch).exception
        assert set(datasets(stored)) == {"other", "tiny"}


@pytest.mark.faults("Previews are damaged", "Data shows the images themselves in their place")
@pytest.mark.parametrize("fault", ["truncated", "emptied"])
def test_damaged_previews_break_no_page(stored: Home, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    folder = stored.dataset("tiny") / "previews"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    try:
        for path in before:
            FAULTS[fault](path)
        shown = page(stored, "data", monkeypatch, dataset="tiny")
        assert not shown.exception and not shown.error
        assert shown.get("image")
    finally:
        for path, content in before.items():
            path.write_bytes(content)


@pytest.mark.faults(
    "The clock was set back, or files bear times of the future", "Everything is listed and opens as before"
)
def test_times_of_the_future_and_of_long_ago_change_nothing(stored: Home) -> None:
    before = results(stored)
    times = {path: path.stat() for path in stored.path.rglob("*") if path.is_file()}
    for number, path in enumerate(times):
        os.utime(path, ns=((4_000_000_000 if number % 2 else 1) * 10**9,) * 2)
    try:
        assert results(stored) == before
        assert set(sweeps(stored)) == set(stored.names("sweeps"))
        assert finish(verify(stored)).sound
    finally:
        for path, stat in times.items():
            if path.exists():
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
