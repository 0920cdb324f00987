"""A shared home identifies nobody, and its figures equal those of its original to the last digit."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mammo.commands import compare
from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.splits.protocols import sizes
from mammo.errors import MammoError
from mammo.features.cache.cache import caches
from mammo.features.extraction.extract import extract
from mammo.features.trunks.networks import Vgg16
from mammo.features.trunks.weights import weights_label
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.importance import influences
from mammo.results.board.leaderboard import bias_rows, leaderboard, read_board
from mammo.results.comparison import differences, shared_images
from mammo.results.exports.export import export
from mammo.results.exports.shared_home.bare_jpeg import bare_jpeg
from mammo.results.exports.shared_home.home import ShareOptions
from mammo.results.exports.shared_home.vocabulary import HIDDEN_NOTE, neutral, neutral_classes
from mammo.runs.reader import reader_summary
from mammo.runs.run_summary import run_summary
from mammo.runs.stored_run import StoredRun
from mammo.runs.stored_splits import split_of
from mammo.runs.sweep import Sweep, sweeps
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.content_order import arranged, content_order

SECRET = ("koskinen", "tallinn", "x99qz", "ward7", "room 12")
"""Words in the names of files and in the free text of the source."""
FOLDS = tuple(SplitSpec("five-fold", redraw=fold) for fold in range(5))
SPLITS = (SplitSpec(), SplitSpec("paper", seed=1), *FOLDS)


@pytest.fixture(scope="module")
def talkative(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose manifest, files, weights, notes and columns hold many names; do not write into it."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("talkative")
    home, images = Home(folder / "home"), Dataset.open(tiny, "tiny").images
    manifest, weights = folder / "ward7-Koskinen-2019.csv", folder / "Koskinen lab 2019.safetensors"
    root = Path(Dataset.open(tiny, "tiny").about["root"])
    with manifest.open("w", newline="") as stream:
        columns = ["path", "label", "patient", "breast", "view", "birads", "density", "abnormality", "remark"]
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for number, row in enumerate(images.to_dict("records")):
            cells = {name: row[name] for name in ("label", "breast", "view", "birads", "density")}
            cells |= {"path": root / row["file"], "patient": f"Tallinn {row['patient']}"}
            cells |= {"remark": f"Dr Koskinen, {number}"}
            cells |= {"abnormality": "seen in room 12 by Koskinen" if number % 7 == 0 else row["abnormality"]}
            writer.writerow(cells | ({"view": "X99QZ-rolled"} if number % 11 == 0 else {}))
    finish(index_manifest(home, "mine", manifest, workers=1, options=ManifestOptions(licence="open")))
    _add_note(home, f"The film {images['file'].iloc[0]} was seen by Koskinen.")
    save_file({name: tensor.contiguous() for name, tensor in Vgg16(8).state_dict().items()}, weights)
    spec = CacheSpec("mine", "vgg16-mini", weights_label(weights.name), size=64)
    finish(extract(home, [spec], weights, device="cpu", workers=1))
    heads = expand({"pool": "gap", "optimizer": ["adam", "nadam", "probe"], "lr": [1e-3, 1e-2], "epochs": 2})
    finish(sweep(home, SweepSpec("mine", tuple(caches(home, "mine")), heads, SPLITS)))
    return home


def _add_note(home: Home, note: str) -> None:
    """Add a note that holds names, as indexes of earlier versions do."""
    dataset = Dataset.open(home, "mine")
    about = {**dataset.about, "notes": [*dataset.notes, note]}
    write_dataset(home, "mine", about, dataset.images, dataset.lesions)


@pytest.fixture(scope="module")
def shared(talkative: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shared home of `talkative`, with small pictures; boards may be written into it."""
    folder = tmp_path_factory.mktemp("shared") / "home"
    finish(export(talkative, [], ["demo"], folder, ShareOptions(previews=True)))
    return Home(folder)


def values_of(content: Any) -> Iterator[Any]:
    """All keys and values of nested JSON."""
    if isinstance(content, dict):
        yield from content
    for value in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from values_of(value)
    if not isinstance(content, dict | list):
        yield content


def identifiers(home: Home) -> set[str]:
    """Every long text and number of a source by which somebody who has its files could recognise one of them."""
    dataset, texts = Dataset.open(home, "mine"), set()
    sweep = Sweep.open(home, sweeps(home)[0])
    for table in (dataset.images, dataset.lesions, sweep.images):
        for name in set(table) - {"label", "pathology", "split", "breast", "conflict"}:
            texts |= {str(value) for value in table[name].dropna()}
    texts |= {str(leaf) for name in ("source", "root", "notes", "remarks") for leaf in values_of(dataset.about[name])}
    texts |= {record.group.device for record in dataset.depths}
    texts |= {str(leaf) for leaf in values_of(dataset.about["quarantined"])}
    texts |= {record["digest"] for record in sweep.about["caches"].values()} | set(sweep.about["caches"])
    texts |= {str(sweep.about["identity"][name]) for name in ("truth", "parts")} | {
        str(sweep.about["dataset"]["digest"])
    }
    texts |= {dataset.digest("full"), dataset.content_digest, str((sweep.folder / "sweep.json").stat().st_mtime_ns)}
    texts |= {part for text in texts if "/" in text for part in text.split("/")}
    texts |= {text[:length] for text in texts if len(text) == 64 for length in (12, 24)}
    return {text.lower() for text in texts if len(text) >= 6} | set(SECRET)


def content_of(folder: Path) -> str:
    """All content of a folder in lower case: names of files, their bytes, and the text of tables."""
    texts: list[str] = []
    for path in folder.rglob("*"):
        texts.append(str(path.relative_to(folder)))
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            texts += [str(table.schema.metadata), table.to_pandas().to_csv()]
    return "\n".join(texts).lower()


@pytest.mark.faults(
    "a shared home is held against its originals", "no long identifier of the source stands in any byte"
)
def test_no_byte_of_a_shared_home_identifies_its_source(talkative: Home, shared: Home) -> None:
    needles, haystack = identifiers(talkative), content_of(shared.path)
    assert len(needles) > 1000 and all(secret in content_of(talkative.path) for secret in SECRET[:3])
    assert [needle for needle in needles if needle in haystack] == []
    dataset = Dataset.open(shared, "mine")
    assert (
        dataset.images[["file", "rows", "columns", "bytes", "modified", "hash", "depth", "zero"]].isna().all(axis=None)
    )
    assert set(dataset.images["view"]) <= {"CC", "MLO", "other 1", ""}
    assert "other 1" in set(dataset.images["abnormality"]) and HIDDEN_NOTE in dataset.notes
    assert not {"remark", "scanner"} & set(dataset.images)
    assert set(Sweep.open(shared, sweeps(shared)[0]).runs["weights"]) == {"file-1"}


@pytest.mark.faults("pseudonyms or rows in the order of the real names", "their order is drawn by chance each time")
def test_neither_names_nor_rows_keep_the_order_of_the_source(talkative: Home, shared: Home, tmp_path: Path) -> None:
    finish(export(talkative, [], ["demo"], tmp_path / "again"))
    source = Sweep.open(talkative, sweeps(talkative)[0])
    first, second = (Sweep.open(home, sweeps(home)[0]) for home in (shared, Home(tmp_path / "again")))
    key = {bytes(column): row for row, column in enumerate(np.ascontiguousarray(source.logits.T))}
    for copy in (first, second):
        rows = [key[bytes(column)] for column in np.ascontiguousarray(copy.logits.T)]
        patients = source.images["patient"].iloc[rows].rank().to_numpy()
        assert abs(np.corrcoef(rows, np.arange(len(rows)))[0, 1]) < 0.4
        assert abs(np.corrcoef(patients, copy.images["patient"].rank())[0, 1]) < 0.5
    assert first.images["patient"].tolist() != second.images["patient"].tolist()


def figures_of(home: Home) -> dict[str, Any]:
    """All kinds of figures that a home gives for its sweeps."""
    figures: dict[str, Any] = {}
    for level, fuses in (("image", ["mean"]), ("breast", ["mean", "max", "noisy-or"]), ("patient", ["mean-logit"])):
        board = read_board(home, level=level, fuse=fuses)
        figures[level] = board.runs.drop(columns=["cache", "weights", "notes"]).to_json(double_precision=15)
        figures[f"{level} bounds"] = [repr(value) for value in board.runs.filter(like="auc").to_numpy().ravel()]
        figures[f"{level} luck"] = repr(bias_rows(board))
    table = leaderboard(home)
    assert table["cv_auc"].notna().any()
    runs = table.loc[table["protocol"] == "patient", "run"].head(3).tolist()
    opened = [StoredRun.open(home, run) for run in runs]
    figures["influences"] = repr(influences(opened[0].sweep))
    for run, column in zip([*runs, f"{runs[0]}@patient-mean"], ["density", "view", "birads", None], strict=True):
        summary = repr(run_summary(StoredRun.open(home, run), "test", "youden", 0.9, 0.006, column))
        figures[run] = summary.replace("X99QZ-ROLLED", "other 1")
    images = shared_images(opened, "test")
    figures["compare"] = repr(compare.document(opened, images, differences(images, [0.0] * 3), [0.0] * 3, "test"))
    dataset = Dataset.open(home, "mine")
    figures["reader"] = repr(reader_summary(dataset.images, dataset.lesions, dataset.about))
    for spec in SPLITS:
        parts, leaks = split_of(home, dataset, "full", spec)
        figures[f"{spec.protocol} {spec.redraw}"] = [sizes(parts), {name: leaks[name] for name in leaks}]
    return figures


@pytest.mark.faults("a shared home stands in another order", "every figure is the source's to the last digit")
def test_no_figure_of_a_shared_home_differs_in_any_digit(talkative: Home, shared: Home) -> None:
    original, copy = figures_of(talkative), figures_of(shared)
    assert [name for name in original if original[name] != copy[name]] == []


def test_a_split_that_no_sweep_was_trained_on_is_not_drawn_in_a_shared_home(shared: Home) -> None:
    with pytest.raises(MammoError, match="tells only the splits that its sweeps were trained on.*patient, seed 0"):
        split_of(shared, Dataset.open(shared, "mine"), "full", SplitSpec(seed=7))


def test_pictures_are_shared_without_metadata_and_under_new_names(talkative: Home, shared: Home) -> None:
    own = {path.read_bytes() for path in (talkative.dataset("mine") / "previews").iterdir()}
    dataset = Dataset.open(shared, "mine")
    pictures = [dataset.preview(image) for image in dataset.images["image"]]
    assert all(bare_jpeg(path.read_bytes()) == path.read_bytes() for path in pictures)
    assert {path.read_bytes() for path in pictures} <= {bare_jpeg(content) for content in own}


@pytest.mark.faults("times of files in the order of the source", "small pictures are written in an order by chance")
def test_times_of_pictures_reveal_no_order(shared: Home) -> None:
    dataset = Dataset.open(shared, "mine")
    digests = {dataset.preview(image): digest for image, digest in dataset.images[["image", "digest"]].to_numpy()}
    by_time = sorted(digests, key=lambda path: (path.stat().st_mtime_ns, digests[path]))
    assert len(by_time) > 10
    assert [digests[path] for path in by_time] == sorted(digests.values())


def test_a_picture_loses_the_metadata_of_cameras() -> None:
    picture, stream = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)), io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Koskinen"
    picture.save(stream, "JPEG", exif=exif, comment=b"ward7", quality=95)
    bare = bare_jpeg(stream.getvalue())
    assert b"Koskinen" in stream.getvalue() and b"ward7" in stream.getvalue()
    assert b"Koskinen" not in bare and b"ward7" not in bare
    assert np.array_equal(Image.open(io.BytesIO(bare)), Image.open(io.BytesIO(stream.getvalue())))
    for broken in (b"", b"GIF89a", stream.getvalue()[:40]):
        with pytest.raises(MammoError, match="index the data set again"):
            bare_jpeg(broken)


@pytest.mark.parametrize("alike", [False, True])
def test_an_order_by_content_depends_on_neither_names_nor_rows(alike: bool) -> None:
    chance = np.random.default_rng(5)
    labels, patients = chance.integers(0, 2, 60), chance.integers(0, 20, 60)
    logits = chance.normal(size=(12, 60)).astype(np.float32)
    if alike:  # runs with many ties, one that diverged, and films that are listed twice
        logits[:9] = np.round(logits[:9])
        logits[0], logits[3:, 40:], labels[40:], patients[40:] = (
            np.nan,
            logits[3:, 20:40],
            labels[20:40],
            patients[20:40] + 50,
        )
    moved = chance.permutation(60)
    names = np.array([f"p{number}" for number in chance.permutation(100)])[patients]
    first, second = arranged(labels, logits, patients), arranged(labels[moved], logits[:, moved], names[moved])
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(np.diff(first[2]) != 0, second[2][1:] != second[2][:-1])
    assert sorted(content_order(labels, logits, patients)) == list(range(60)) and not content_order([], [[]], []).size


def test_words_outside_the_scales_become_neutral_and_groups_stay() -> None:
    table = pd.DataFrame(
        {
            "view": ["CC", "axillary Koskinen", "", None, "axillary Koskinen"],
            "margins": ["ILL_DEFINED-SPICULATED", "N/A", "see letter", None, "OBSCURED"],
            "birads": pd.array([4, 9, None, 0, 31415926], dtype="Int64"),
            "density": ["2", "dense, Koskinen", None, "4", "1"],
            "conflict": [True, False, False, True, False],
            "age": [91, 42, 55, 60, 70],
        }
    )
    plain = neutral(table)
    assert plain["view"].tolist()[:3] == ["CC", "other 1", ""] and plain["view"].iloc[4] == "other 1"
    assert plain["margins"].tolist()[:3] == ["ILL_DEFINED-SPICULATED", "N/A", "other 1"]
    assert plain["birads"].fillna(-1).tolist() == [4, -1, -1, 0, -1]
    assert plain["density"].fillna(-1).tolist() == [2, -1, -1, 4, 1]
    assert plain["conflict"].tolist() == table["conflict"].tolist() and "age" not in plain
    assert neutral_classes({"positive": "BI-RADS 4 or 5", "negative": "all others"})["positive"] == "BI-RADS 4 or 5"
    assert neutral_classes({"positive": "Koskinen's", "negative": "benign"}) == {
        "positive": "positive class",
        "negative": "benign",
    }


def test_an_earlier_shared_home_still_opens(talkative: Home, shared: Home, tmp_path: Path) -> None:
    shutil.copytree(shared.path, tmp_path / "old")
    marker = tmp_path / "old" / "shared.json"
    content = json.loads(marker.read_text())
    del content["shuffled"]
    marker.write_text(json.dumps(content))
    old = Home(tmp_path / "old")
    parts, _ = split_of(old, Dataset.open(old, "mine"), "full", SplitSpec(seed=7))
    assert sizes(parts)["test"] > 0 and len(leaderboard(old)) == len(leaderboard(talkative))


@pytest.mark.faults("an export that was killed before", "the next one removes its remains and loses no demo")
def test_the_remains_of_a_killed_export_are_removed(talkative: Home, shared: Home, tmp_path: Path) -> None:
    folder, draft = tmp_path / "demo", tmp_path / ".partial-demo"
    (draft / "sweeps").mkdir(parents=True)
    (draft / "half").write_text("")
    shutil.copytree(shared.path, tmp_path / ".partial-demo.before")
    with pytest.raises(MammoError, match="no form of export"):
        finish(export(talkative, [], ["nothing"], folder))
    finish(export(talkative, [], ["demo"], folder))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"] and not (folder / "half").exists()
    assert not (folder / ".lock").exists() and len(leaderboard(Home(folder))) == len(leaderboard(talkative))


KILLED = """
import sys
from mammo.progress import finish
from mammo.results.exports.shared_home.home import ShareOptions
from mammo.results.exports.export import export
from mammo.specs import Home
work = export(Home(sys.argv[1]), [], ["demo"], __import__("pathlib").Path(sys.argv[2]), ShareOptions(previews=True))
print("begun", flush=True)
finish(work)
"""


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during an export, at twenty random moments", "the demo is the old one or the new one, whole"
)
def test_an_export_that_is_killed_leaves_a_whole_demo(talkative: Home, tmp_path: Path) -> None:
    folder, command = tmp_path / "demo", [sys.executable, "-c", KILLED, str(talkative.path), str(tmp_path / "demo")]
    finish(export(talkative, [], ["demo"], folder, ShareOptions(previews=True)))
    expected, chance, killed, longest = leaderboard(Home(folder)), np.random.default_rng(0), 0, 4.0
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout and child.stdout.readline() == b"begun\n"
            start = time.monotonic()
            try:
                child.wait(chance.uniform(0, longest))
                longest = time.monotonic() - start
            except subprocess.TimeoutExpired:
                child.kill()
                killed += 1
        if folder.exists():
            pd.testing.assert_frame_equal(
                leaderboard(Home(folder)).drop(columns="cache"), expected.drop(columns="cache")
            )
            dataset = Dataset.open(Home(folder), "mine")
            assert all(dataset.preview(image).is_file() for image in dataset.images["image"])
    finish(export(talkative, [], ["demo"], folder))
    assert killed > 5 and sorted(path.name for path in tmp_path.iterdir()) == ["demo"]
