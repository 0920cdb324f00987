"""What is asked of the home of an earlier version: by commands, exports, and addresses of pages.

`make.py` asks the version that made the home and records the answers; `tests/test_earlier_home.py` asks the present one
and compares. Everything is asked the way a user asks it, so that modules may move.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import lzma
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from mammo.cli import main

FOLDER = Path(__file__).parent
HOME, RECORDED = FOLDER / "home.tar.xz", FOLDER / "recorded.json.xz"
GRID = FOLDER / "grid.toml"
TIMES = {"seconds", "images_per_second"}
"""The fields in which a command reports how long its work took."""

READ = {
    "leaderboard": "leaderboard",
    "leaderboard by breast": "leaderboard --level breast --fuse mean,mean-logit,max,noisy-or {many}",
    "leaderboard by patient": "leaderboard --level patient --rule sensitivity --target 0.8 {drawn} {tuned} {three}",
    "leaderboard with ensembles": "leaderboard {many} --ensemble {many}.1+3 --ensemble {many}.2+5@mean-logit",
    "leaderboard in groups": "leaderboard --group {folds} {drawn} {many} {tuned}",
    "leaderboard of luck": "leaderboard --optimism",
    "compare": "compare {many}.1 {many}.5 {many}.9 {many}.11",
    "compare by bootstrap": "compare {many}.2 {tuned}.5 --test bootstrap --rule specificity --target 0.7",
    "compare on validation": "compare {many}.1@breast-max {many}.3@breast-max --part validation --rule half",
    "operate": "operate {many}.1 --by density --prevalence 0.01",
    "operate a probe": "operate {many}.11 --rule half --part validation",
    "operate a tuned trunk": "operate {tuned}.5 --rule sensitivity --target 0.75 --by breast",
    "operate an ensemble": "operate {many}.1+3@mean-logit --rule specificity --by abnormality",
    "operate by breast": "operate {many}.4@breast-noisy-or --by view",
    "operate three classes": "operate {three}.0 --part train --rule half",
    "operate a stopped sweep": "operate {stopped}.1 --part train",
    "paper": "paper pictures --trunks mini --size 64 --epochs 2 --splits 1 --draws 2 --no-run --rule youden",
    "reader": "reader films",
    "reader of pictures": "reader pictures --recall-zero benign",
    "jobs": "jobs",
    "job": "jobs 20260131-120004-sweep-0a14",
    "log": "jobs 20260131-120004-sweep-0a14 --log",
    "licence": "licence pictures",
    "verify": "verify {plain}",
    "verify pictures": "verify pictures",
    "verify a sweep": "verify {many}",
    "split": "split pictures",
    "split, seeds": "split pictures --seed 3 --redraw 2",
    "split, manifest": "split pictures --protocol manifest",
    "split, paper": "split pictures --protocol paper",
    "split, five-fold": "split pictures --protocol five-fold --redraw 4",
    "split, official-pooled": "split pictures --protocol official-pooled --seed 1",
    "split, official": "split films --protocol official",
    "split, crops": "split films --protocol patient --kind crop",
    "split, dropped": "split films --protocol official --labels dropped --kind crop",
    "split, three-way": "split films --protocol paper --labels three-way",
}
"""Commands that only read, by the names of their answers; `{many}` and its like are names of sweeps and caches."""

TRAINED = {
    "usual": "sweep pictures --cache {plain} --device cpu",
    "grid": f"sweep pictures --cache {{plain}} --grid {GRID} --device cpu",
    "option": "sweep pictures --cache {plain} --pool gap --lr 1e-2 --epochs 3 --hidden 0,3 --dropout 0.25 --device cpu "
    "--batch 16 --patience 2 --seed 5 --optimizer nadam --protocol paper,patient --split-seed 2 --labels merged",
    "probe": "probe pictures --cache {plain} --protocol manifest --device cpu",
}
"""Commands that train the sweeps of these names, which the home holds."""

EXTRACTED = {
    "plain": "extract pictures --trunk vgg16-mini --size 64 --precision float32 --device cpu --workers 1",
    "tapped": "extract pictures --trunk vgg16-mini --tap last-layer --augment generator --draws 2 --size 32 "
    "--precision float32 --weights synthetic --device cpu --workers 1",
    "crops": "extract films --trunk vgg16-mini --weights random --seed 3 --kind crop --resize letterbox --size 32 "
    "--precision float32 --device cpu --workers 1",
}
"""Commands that extract the caches of these names, which the home holds."""

HELPED = ("index phantom", "index cbis-ddsm", "index manifest")
"""Commands within commands, beside those that the help names."""

Address = tuple[str, Mapping[str, str | list[str]]]
ADDRESSES: dict[str, Address] = {
    "compare": ("compare", {"sweep": "All sweeps"}),
    "compare: curves": (
        "compare",
        {"sweep": "{many}", "runs": "{many}.3,{many}.7", "view": "Curves", "part": "Validation", "rule": "Youden"},
    ),
    "compare: differences": (
        "compare",
        {"sweep": "{many}", "runs": "{many}.1,{many}.4,{many}.10", "view": "Differences", "rule": "At a specificity",
         "target": "70", "test": "Bootstrap", "part": "Validation"},
    ),
    "compare: some by breast": (
        "compare",
        {"sweep": "{many}", "level": "Breast", "fuse": ["Highest", "Noisy-or"], "only": ["GAP", "NAdam"]},
    ),
    "compare: ensembles": (
        "compare",
        {"sweep": "{many}", "ensembles": "{many}.1+3,{many}.2+5@mean-logit", "combine": "Mean of logits",
         "runs": "{many}.1+3,{many}.1"},
    ),
    "compare: luck": ("compare", {"sweep": "{many}", "view": "Luck"}),
    "compare: learning": ("compare", {"sweep": "{drawn}", "view": "Learning", "runs": "{drawn}.1"}),
    "compare: settings": ("compare", {"sweep": "{folds}", "rows": "Settings", "settings": "{folds}.0"}),
    "compare: by names": ("compare", {"sweep": "{many}", "level": "patient", "fuse": "max", "rule": "half"}),
    "inspect: images": (
        "inspect",
        {"sweep": "{many}", "run": "{many}.4", "view": "Images", "part": "Train", "answers": "All", "page": "2",
         "rule": "Probability 0.5", "stretched": "true"},
    ),
    "inspect: operating point": (
        "inspect",
        {"sweep": "{many}", "run": "{many}.0", "view": "Operating point", "rule": "At a sensitivity", "target": "80",
         "prevalence": "1.0%"},
    ),
    "inspect: precision and recall": ("inspect", {"sweep": "{tuned}", "view": "Precision and recall"}),
    "inspect: calibration": ("inspect", {"sweep": "{drawn}", "run": "{drawn}.2", "view": "Calibration"}),
    "inspect: subgroups": (
        "inspect",
        {"sweep": "{many}", "level": "Breast", "fuse": "Mean of logits", "view": "Subgroups", "by": "Breast density"},
    ),
    "sweep": ("sweep", {"dataset": "pictures"}),
    "sweep: form": (
        "sweep",
        {"dataset": "pictures", "caches": "{plain}", "pool": "GAP", "optimizer": ["Adam", "NAdam"],
         "lr": ["3e-3", "2e-4"], "hidden": ["0", "17"], "dropout": ["0.25", "0.1"], "seeds": "3", "epochs": "20",
         "batch": "8", "patience": "0", "probes": "true", "protocol": "Five folds by patient", "labels": "Dropped",
         "split_seed": "4", "redraws": "5"},
    ),
    "sweep: tuned": (
        "sweep",
        {"dataset": "pictures", "finetune": "Last convolution", "tail_lr": ["1e-5", "2e-6"],
         "tuned_caches": "{tapped}", "mode": "As a job", "pool": "Flatten"},
    ),
    "sweep: TOML": (
        "sweep",
        {"dataset": "pictures", "grid": "As TOML", "toml": 'lr = [1e-3, 1e-4]\npool = "gap"\nredraws = 3\n'},
    ),
    "look back": ("sweep", {"dataset": "pictures", "mode": "Look back", "sweep": "{many}", "view": "What matters"}),
    "look back: along": (
        "sweep",
        {"dataset": "pictures", "mode": "Look back", "sweep": "{many}", "view": "Along one axis",
         "along": "Learning rate", "by": "Optimiser", "from": "{many}.6"},
    ),
    "look back: every run": (
        "sweep",
        {"dataset": "pictures", "mode": "Look back", "sweep": "{tuned}", "view": "Every run", "from": "{tuned}.5"},
    ),
    "look back: three classes": ("sweep", {"dataset": "films", "mode": "Look back", "from": "{three}.1"}),
    "report": (
        "report",
        {"dataset": "pictures", "trunks": "Mini trunks", "size": "64", "epochs": "2", "splits": "1", "draws": "2",
         "row": "VGG16, row 4 (NAdam · Flatten · 1e-4)", "protocol": "Ours, by patient"},
    ),
    "report: what is missing": ("report", {"dataset": "films", "epochs": "7", "seed": "3"}),
    "data": ("data", {"dataset": "films", "kind": "Crops of lesions", "label": "Malignant", "sample": "4"}),
    "data: split": (
        "data",
        {"dataset": "films", "view": "Split", "protocol": "The report's", "split_seed": "3", "split_redraw": "1",
         "labels": "Three-way", "kind": "Crops of lesions"},
    ),
    "data: reader": ("data", {"dataset": "films", "view": "Reader"}),
    "features": (
        "features",
        {"dataset": "pictures", "trunk": "ResNet50 mini", "tap": "Before stage 4's last bottleneck",
         "resize": "Letterbox", "size": "96", "preprocess": "enhanced", "augment": "generator", "draws": "4",
         "precision": "float32"},
    ),
    "features: usual": ("features", {"dataset": "films"}),
}  # fmt: skip
"""Pages with addresses that choose something, by name."""

SCRIPT = """
import runpy
import streamlit as st
from pages.shared.base import address
from pages.shared.base.guard import show_errors
address.open_page({page!r}, st.empty())
with show_errors():
    runpy.run_path({file!r})
"""
"""A page as the frame runs it, with the banner for values of the address that do not exist."""
UNKNOWN = "the address asks for"
CHOOSING = {"selectbox", "multiselect", "number_input", "button_group", "toggle", "checkbox", "text_input", "text_area"}
CHOOSING |= {"select_slider", "slider", "radio"}
MEASURED = {"Time", "Time at most", "On disk"}
"""Facts on a page that depend on the machine: how fast it is, and in which precision it computes."""


def unpack(folder: Path) -> Path:
    """Unpack the home into a folder that does not exist yet."""
    with tarfile.open(HOME) as archive:
        archive.extractall(folder, filter="data")
    return folder


def recorded() -> dict[str, Any]:
    """The answers of the version that made the home."""
    answers: dict[str, Any] = json.loads(lzma.decompress(RECORDED.read_bytes()))
    return answers


def answer(home: Path, command: str, **names: str) -> Any:
    """What `mammo COMMAND --json` prints, without how long it took and where the home lies."""
    words = [word.format(**names) for word in shlex.split(command)]
    output = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(output):
        code = main([*words, "--home", str(home), "--json"])
    assert code == 0, output.getvalue()
    content = json.loads(printed.getvalue().replace(str(home), "HOME"))
    if isinstance(content, dict):
        return {name: value for name, value in content.items() if name not in TIMES}
    return content


def options(command: str = "") -> list[str]:
    """The commands, or the options of one command, in its help."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        main([*command.split(), "--help"])
    pattern = r"(?<![\w-])--[a-z][a-z-]*" if command else r"(?m)^    ([a-z]+)"
    return sorted(set(re.findall(pattern, printed.getvalue())))


def exported(home: Path, folder: Path, form: str, **names: str) -> Path:
    """The folder into which some sweeps are exported."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as output:
        some = [names[name] for name in ("many", "tuned", "three")]
        code = main(["export", *some, "--as", form, "--to", str(folder), "--home", str(home)])
    assert code == 0, output.getvalue()
    return folder


def told_in(folder: Path) -> dict[str, Any]:
    """What the files of an export hold: tables by their columns, texts by their lines."""
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    contents: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in read:
            contents[path.name] = columns_of(read[path.suffix](path), full=path.name.startswith("runs"))
        elif path.suffix == ".md":
            contents[path.name] = path.read_text().splitlines()
    return contents


def columns_of(table: pd.DataFrame, full: bool = True) -> dict[str, Any]:
    """A table by its columns: all values, or only the sums of numbers and the digests of texts."""
    columns: dict[str, Any] = {}
    for name in table:
        values = table[name]
        if full:
            columns[str(name)] = [_plain(value) for value in values]
        elif pd.api.types.is_float_dtype(values):
            weights = np.arange(1, len(values) + 1)
            columns[str(name)] = {"n": int(values.count()), "sum": float((values * weights).sum())}
        else:
            text = "\n".join("" if pd.isna(value) else str(value) for value in values)
            columns[str(name)] = {"n": len(values), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return columns


def _plain(value: Any) -> Any:
    """A cell as JSON, null where it is missing."""
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if pd.isna(value) else value if isinstance(value, bool | int | float) else str(value)


def look(home: Path, address: Address, **names: str) -> dict[str, Any]:
    """What a page shows: the values of its widgets, its figures, facts, tables, links and the address afterwards."""
    page, query = address
    test = AppTest.from_string(
        SCRIPT.format(page=page, file=str(FOLDER.parents[1] / "pages" / f"{page}.py")), default_timeout=60
    )
    for key, value in query.items():
        filled = list(_filled([value] if isinstance(value, str) else value, names))
        test.query_params[key] = filled if isinstance(value, list) else filled[0]
    still = patch("mammo.estimates.measuring.can_measure", lambda: False)
    with still, patch.dict("os.environ", {"MAMMO_HOME": str(home)}):
        test.run()
    shown = [item for item in _elements(test._tree) if item.type in CHOOSING and item.key]
    return {
        "widgets": {item.key: _plain_choice(item.value) for item in shown},
        "wrong": [item.value for item in (*test.exception, *test.error)],
        "warnings": [item.value for item in test.warning],
        "facts": {item.label: item.value for item in test.metric if item.label not in MEASURED},
        "tables": [columns_of(item.value) for item in test.dataframe],
        "figures": sorted(item.key for item in _elements(test._tree) if item.type == "plotly_chart"),
        "links": [item.proto.url for item in _elements(test._tree) if item.type == "link_button"],
        "address": {key: test.query_params[key] for key in sorted(test.query_params)},
    }


def parsed(link: str) -> Address:
    """An address that a page links to, as a page with choices."""
    page, _, query = link.partition("?")
    return page, dict(parse_qsl(query))


def _filled(texts: list[str], names: Mapping[str, str]) -> Iterator[str]:
    for text in texts:
        yield re.sub(r"{(\w+)}", lambda match: names[match[1]], text)


def _plain_choice(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list | tuple) else value


def _elements(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from _elements(child)
        yield child
