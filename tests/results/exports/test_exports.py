"""Exports hold the figures of the home, and nothing beyond them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo import jobs
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_cbis_ddsm, index_phantom
from mammo.data.index.manifest import index_manifest
from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import draw
from mammo.errors import MammoError
from mammo.features.cache.cache import caches
from mammo.features.extraction.extract import extract
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard, read_board
from mammo.results.exports.card import model_card
from mammo.results.exports.export import BEST, EXPORTS, export
from mammo.results.exports.selection import select
from mammo.results.exports.shared_home.home import ShareOptions
from mammo.results.exports.shared_home.pseudonyms import Pseudonyms
from mammo.results.exports.tables import runs_table, scores_long, scores_wide
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, sweeps
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.metrics import METRICS

ROOT = Path(__file__).parents[3]
READ = {"csv": pd.read_csv, "parquet": pd.read_parquet}


@pytest.fixture(scope="module")
def leaky(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a sweep whose second split leaks, and a probe among its heads; do not write into it."""
    home = Home(tmp_path_factory.mktemp("leaky") / "home")
    shutil.copytree(tiny.path, home.path)
    heads = expand({"pool": "gap", "optimizer": ["adam", "probe"], "epochs": 1})
    splits = (SplitSpec(), SplitSpec("paper", seed=1))
    finish(sweep(home, SweepSpec("tiny", tuple(caches(home, "tiny")), heads, splits)))
    return home


def leaking_run(home: Home) -> StoredRun:
    board = leaderboard(home)
    return StoredRun.open(home, str(board.loc[board["protocol"] == "paper", "run"].iloc[0]))


@pytest.mark.parametrize("ending", READ)
def test_tables_hold_the_leaderboard_and_the_scores_behind_it(leaky: Home, tmp_path: Path, ending: str) -> None:
    folders = finish(export(leaky, [], [ending], tmp_path / "out"))
    assert folders == {ending: tmp_path / "out"}
    read, board = READ[ending], leaderboard(leaky).set_index("run")
    runs = read(tmp_path / "out" / f"runs.{ending}").set_index("run")
    long = read(tmp_path / "out" / f"scores-long.{ending}")
    wide = read(tmp_path / "out" / f"scores-wide-{sweeps(leaky)[0]}.{ending}")
    assert list(runs.index) == list(board.index) and len(long) == len(runs) * len(wide)
    for run, row in runs.iterrows():
        scores = long[(long["run"] == run) & (long["part"] == "test")]
        assert len(scores) == row["n_test"]
        assert roc_auc_score(scores["label"] == "malignant", scores["logit"]) == pytest.approx(
            row["test_auc"], abs=1e-12
        )
        assert (row["test_auc_low"], row["test_auc_high"]) == pytest.approx(board.loc[run, "test_auc_interval"])
        assert row["leaked"] == board.loc[run, "leaked"] and row["synthetic"] and row["weights_note"]
        stored = StoredRun.open(leaky, run)
        np.testing.assert_allclose(wide[run], stored.sweep.logits[stored.row], rtol=1e-6)
    page = (tmp_path / "out" / "README.md").read_text()
    assert "not a medical device" in page and "Synthetic data" in page and "test images with their patient" in page


def test_leaks_are_listed_for_each_image_and_each_split(leaky: Home) -> None:
    run = leaking_run(leaky)
    leaks = run.sweep.about["splits"][1]["leakage"]
    long = scores_long(run)
    leaked = long[(long["part"] == "test") & long["patient_in_train"]]
    assert len(leaked) == leaks["test_images_with_patient_in_train"] > 0
    assert not long.loc[long["part"] == "train", "patient_in_train"].any()
    runs = runs_table(leaderboard(leaky)).set_index("run")
    assert runs.loc[run.id, "leak_patients"] == leaks["patients"] > 0
    assert f"| {leaks['patients']} |" in model_card(run)


def test_a_table_of_runs_holds_plain_values_only(leaky: Home) -> None:
    flat = runs_table(leaderboard(leaky))
    assert {"test_auc_low", "test_auc_high", "leak_near_duplicates", "strength"} <= set(flat)
    assert not any(isinstance(value, list | tuple | dict) for value in flat.astype(object).to_numpy().ravel())


def test_wide_scores_of_several_sweeps_stand_side_by_side(demo_home: Home, leaky: Home) -> None:
    (leaky_sweep,) = (Sweep.open(leaky, name) for name in sweeps(leaky))
    runs = [StoredRun(leaky_sweep, row) for row in (0, 3)]
    demo_run = StoredRun(Sweep.open(demo_home, sweeps(demo_home)[0]), 5)
    table = scores_wide([*runs, demo_run])
    assert len(table) == len(leaky_sweep.images) + 160 and set(table["dataset"]) == {"tiny", "phantom-demo"}
    assert table[runs[0].id].notna().sum() == len(leaky_sweep.images) and table[demo_run.id].notna().sum() == 160
    assert sum(str(name).startswith("part ") for name in table) == 3


def test_a_card_holds_data_split_leakage_figures_and_limits(leaky: Home) -> None:
    run = leaking_run(leaky)
    card = model_card(run, among=4)
    scored = run.scored("test")
    for text in (
        "not a medical device", "Synthetic data", "random", "**Leakage**", "## Split", "## Leakage", "## Limits",
        f"| test | {np.size(scored.labels)} |", "95 % interval", "among 4", run.sweep.about["dataset"]["digest"],
    ):  # fmt: skip
        assert text in card, text
    assert "None" not in card and " nan" not in card


def test_cards_of_probes_ensembles_and_patients(leaky: Home) -> None:
    name = sweeps(leaky)[0]
    selection = select(leaky, [f"{name}.0+1", f"{name}.0@patient-max", f"{name}.1"])
    cards = {run.id: model_card(run) for run in selection.best(0)}
    assert len(cards) == 3
    assert f"**Ensemble of**: `{name}.0`, `{name}.1`" in cards[f"{name}.0+1"]
    assert "**Scores**: of patients" in cards[f"{name}.0@patient-max"]
    assert "solved to its optimum; C = " in cards[f"{name}.1"]


def test_cards_are_written_for_the_best_runs_and_for_runs_asked_for_by_name(demo_home: Home, tmp_path: Path) -> None:
    board = leaderboard(demo_home)
    last = str(board["run"].iloc[-1])
    finish(export(demo_home, [sweeps(demo_home)[0]], ["cards"], tmp_path / "best"))
    finish(export(demo_home, [last], ["cards"], tmp_path / "named"))
    assert {path.stem for path in (tmp_path / "best").iterdir()} == set(board["run"].head(BEST))
    assert [path.stem for path in (tmp_path / "named").iterdir()] == [last]
    meter = read_board(demo_home).biases[0].everyone
    card = (tmp_path / "best" / f"{board['run'].iloc[0]}.md").read_text()
    assert f"Of {meter.heads} that were validated on the same images the best has an AUC of {meter.winner:.3f}" in card
    assert all(card.count(f"| {metric.label} |") == 2 for metric in METRICS.values())


def text_of(folder: Path) -> str:
    """The text of all tables and text files of a folder, and the names of all its files."""
    texts = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            texts.append(pd.read_parquet(path).to_csv())
        elif path.suffix in (".json", ".md", ".csv"):
            texts.append(path.read_text())
    return "\n".join(texts)


def test_a_demo_shows_the_same_numbers_under_other_names(leaky: Home, tmp_path: Path) -> None:
    finish(export(leaky, [], ["demo"], tmp_path / "shared"))
    shared = Home(tmp_path / "shared")
    assert shared.shared and not leaky.shared
    pd.testing.assert_frame_equal(leaderboard(shared), leaderboard(leaky))
    run = leaking_run(shared)
    assert len(run.predictions("test")) == len(leaking_run(leaky).predictions("test"))
    dataset, original = run.dataset(shared), Dataset.open(leaky, "tiny")
    assert (
        dataset.metadata_only and dataset.images["file"].isna().all() and dataset.table("crop")["label"].notna().all()
    )
    assert set(run.sweep.images["image"]) == set(dataset.images["image"])
    text = text_of(shared.path)
    hidden = [*original.images["patient"], *original.images["image"], *original.images["film"], original.about["root"]]
    assert not [name for name in hidden if name in text]
    assert not list(shared.path.rglob("*.safetensors")) and not list(shared.path.rglob("*.jpg"))


def test_a_demo_may_keep_names_and_show_small_pictures(leaky: Home, tmp_path: Path) -> None:
    finish(export(leaky, [], ["demo"], tmp_path / "shared", ShareOptions(previews=True, names=True)))
    dataset = Dataset.open(Home(tmp_path / "shared"), "tiny")
    assert list(dataset.images["image"]) == list(Dataset.open(leaky, "tiny").images["image"])
    assert all(dataset.preview(image).is_file() for image in dataset.images["image"])


def test_a_demo_of_crops_is_of_the_same_lesions(demo_home: Home) -> None:
    dataset = Dataset.open(demo_home, "phantom-demo")
    names = Pseudonyms.of(dataset)
    crops, lesions = (names.over(table) for table in (dataset.table("crop"), dataset.lesions))
    assert list(crops["image"]) == list(lesions.loc[lesions["crop"].notna(), "lesion"])
    assert crops["patient"].nunique() == dataset.table("crop")["patient"].nunique()
    assert set(lesions["image"]) <= set(names.over(dataset.images)["image"])


def test_patients_without_names_stay_unknown(leaky: Home) -> None:
    dataset = Dataset.open(leaky, "tiny")
    images = dataset.images.assign(patient=dataset.images["image"])
    blind = replace(dataset, images=images, lesions=dataset.lesions.iloc[:0])
    parts = draw(images, SplitSpec())
    assert leakage(images, parts)["patients"] is None
    assert leakage(Pseudonyms.of(blind).over(images), parts)["patients"] is None
    framed = images.assign(image=[f"{name}#{number % 3 + 1}" for number, name in enumerate(images["image"])])
    blind = replace(blind, images=framed)
    assert leakage(framed, parts)["patients"] is None
    hidden = Pseudonyms.of(blind).over(framed)
    assert leakage(hidden, parts)["patients"] is None
    assert list(hidden["image"].str.rpartition("#")[0]) == list(hidden["patient"])


def test_nothing_can_be_started_in_a_demo_and_an_earlier_one_is_replaced(leaky: Home, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    finish(export(leaky, [], ["demo"], folder))
    (folder / "old").write_text("gone")
    finish(export(leaky, [], ["demo"], folder))
    assert not (folder / "old").exists() and sorted(path.name for path in tmp_path.iterdir()) == ["shared"]
    with pytest.raises(MammoError, match="shared home to look at"):
        jobs.start(Home(folder), "index-phantom", {"name": "p", "images": 20, "seed": 0})


def test_no_verb_adds_to_a_demo(leaky: Home, tmp_path: Path) -> None:
    shared, manifest = Home(tmp_path / "shared"), tmp_path / "images.csv"
    finish(export(leaky, [], ["demo"], shared.path))
    manifest.write_text("path,label\n")
    before = {path: path.read_bytes() for path in shared.path.rglob("*") if path.is_file()}
    verbs = (
        index_phantom(shared, "tiny", 4, 0),
        index_cbis_ddsm(shared, "tiny", tmp_path),
        index_manifest(shared, "tiny", manifest),
        extract(shared, [CacheSpec("tiny", "vgg16-mini")]),
    )
    for verb in verbs:
        with pytest.raises(MammoError, match="shared home to look at"):
            finish(verb)
    assert before == {path: path.read_bytes() for path in shared.path.rglob("*") if path.is_file()}


def test_a_demo_where_nothing_can_be_written_is_refused(leaky: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MammoError, match="Cannot write"):
        finish(export(leaky, [], ["demo"], tmp_path / "file" / "demo"))


def test_a_run_that_is_listed_more_than_once_is_exported_once(leaky: Home) -> None:
    (name, *_) = sweeps(leaky)
    selection = select(leaky, [name, f"{name}.0", f"{name}.0+0", f"{name}.0@breast-max"])
    runs = Sweep.open(leaky, name).runs["run"].tolist()
    assert sorted(run.id for run in selection.runs) == sorted([*runs, f"{name}.0@breast-max"])
    assert selection.run_names == {f"{name}.0", f"{name}.0@breast-max"}
    assert [run.id for run in select(leaky, [f"{name}.0", f"{name}.0+0"]).runs] == [f"{name}.0"]


def test_a_demo_replaces_nothing_else(leaky: Home, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    for folder, sentence in ((tmp_path, "no earlier demo"), (leaky.path, "the home itself")):
        with pytest.raises(MammoError, match=sentence):
            finish(export(leaky, [], ["demo"], folder))
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_the_packages_that_serve_a_demo_are_pinned_as_in_the_full_requirements() -> None:
    demo, full = (
        {line for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements-demo.txt", "requirements.txt")
    )
    assert demo < full and not [line for line in demo if line.startswith(("torch", "timm", "scikit", "zarr"))]


LOOKING = """
import sys
from streamlit.testing.v1 import AppTest
for name in ("compare", "inspect", "data"):
    page = AppTest.from_file(f"pages/{name}.py", default_timeout=60).run()
    assert not page.exception and not page.error and page.title, (name, page.exception, page.error)
heavy = {"torch", "timm", "torchvision", "zarr", "skimage", "sklearn", "safetensors", "loky", "tqdm"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_demo_is_viewed_without_torch(leaky: Home, tmp_path: Path) -> None:
    finish(export(leaky, [], ["demo"], tmp_path / "shared"))
    environment = {**os.environ, "MAMMO_HOME": str(tmp_path / "shared"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", LOOKING]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr[-2000:]


@pytest.mark.parametrize(
    ("names", "forms", "sentence"),
    [
        (["nothing"], ["csv"], "no finished sweep 'nothing'"),
        (["nothing.3"], ["csv"], "no finished sweep 'nothing'"),
        ([], ["pdf"], "no form of export 'pdf'; choose one of: cards, csv, demo"),
        ([], [], "Name a form to export"),
    ],
)
def test_a_sweep_run_or_form_that_does_not_exist_is_refused(
    leaky: Home, tmp_path: Path, names: list[str], forms: list[str], sentence: str
) -> None:
    with pytest.raises(MammoError, match=sentence):
        finish(export(leaky, names, forms, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_empty_home_has_nothing_to_export(home: Home, tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="nothing to export yet"):
        finish(export(home, [], list(EXPORTS), tmp_path))
