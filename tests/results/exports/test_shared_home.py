"""A shared home leads back to nobody, and says to the last digit what the home says that it was made of."""

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
from mammo.results.exports.shared_home.home import Options
from mammo.results.exports.shared_home.vocabulary import HIDDEN_NOTE, neutral, neutral_classes
from mammo.runs.reader import reader_summary
from mammo.runs.run_summary import run_summary
from mammo.runs.stored_run import StoredRun
from mammo.runs.stored_splits import split_of
from mammo.runs.sweep import Sweep, sweeps
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.content_order import arranged, content_order

SECRET = ("koskinen", "tallinn", "x99qz", "ward7", "room 12")
"""What stands in names of files and in free text of the source."""
FOLDS = tuple(SplitSpec("five-fold", redraw=fold) for fold in range(5))
SPLITS = (SplitSpec(), SplitSpec("paper", seed=1), *FOLDS)


@pytest.fixture(scope="module")
def talkative(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose manifest, files, weights, notes and columns tell as much as they can; do not write into it."""
    from safetensors.torch import save_file

    place = tmp_path_factory.mktemp("talkative")
    home, images = Home(place / "home"), Dataset.open(tiny, "tiny").images
    manifest, weights = place / "ward7-Koskinen-2019.csv", place / "Koskinen lab 2019.safetensors"
    root = Path(Dataset.open(tiny, "tiny").about["root"])
    with manifest.open("w", newline="") as stream:
        columns = ["path", "label", "patient", "breast", "view", "birads", "density", "abnormality", "remark"]
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for number, row in enumerate(images.to_dict("records")):
            told = {name: row[name] for name in ("label", "breast", "view", "birads", "density")}
            told |= {"path": root / row["file"], "patient": f"Tallinn {row['patient']}"}
            told |= {"remark": f"Dr Koskinen, {number}"}
            told |= {"abnormality": "seen in room 12 by Koskinen" if number % 7 == 0 else row["abnormality"]}
            writer.writerow(told | ({"view": "X99QZ-rolled"} if number % 11 == 0 else {}))
    finish(index_manifest(home, "mine", manifest, workers=1, options=ManifestOptions(licence="open")))
    _add_note(home, f"The film {images['file'].iloc[0]} was seen by Koskinen.")
    save_file({name: one.contiguous() for name, one in Vgg16(8).state_dict().items()}, weights)
    spec = CacheSpec("mine", "vgg16-mini", weights_label(weights.name), size=64)
    finish(extract(home, [spec], weights, device="cpu", workers=1))
    heads = expand({"pool": "gap", "optimizer": ["adam", "nadam", "probe"], "lr": [1e-3, 1e-2], "epochs": 2})
    finish(sweep(home, SweepSpec("mine", tuple(caches(home, "mine")), heads, SPLITS)))
    return home


def _add_note(home: Home, note: str) -> None:
    """Tell a note with names, as indexes of earlier versions do."""
    dataset = Dataset.open(home, "mine")
    about = {**dataset.about, "notes": [*dataset.notes, note]}
    write_dataset(home, "mine", about, dataset.images, dataset.lesions)


@pytest.fixture(scope="module")
def shared(talkative: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """What is shared of it, with small pictures; boards may be written into it."""
    place = tmp_path_factory.mktemp("shared") / "home"
    finish(export(talkative, [], ["demo"], place, Options(previews=True)))
    return Home(place)


def leaves_of(content: Any) -> Iterator[Any]:
    """All keys and values of nested JSON."""
    if isinstance(content, dict):
        yield from content
    for value in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from leaves_of(value)
    if not isinstance(content, dict | list):
        yield content


def identifiers(home: Home) -> set[str]:
    """Every long text and number of a source by which somebody who has its files knows one of them."""
    dataset, told = Dataset.open(home, "mine"), set()
    sweep = Sweep.open(home, sweeps(home)[0])
    for table in (dataset.images, dataset.lesions, sweep.images):
        for name in set(table) - {"label", "pathology", "split", "breast", "conflict"}:
            told |= {str(value) for value in table[name].dropna()}
    told |= {str(leaf) for name in ("source", "root", "notes", "remarks") for leaf in leaves_of(dataset.about[name])}
    told |= {record.group.device for record in dataset.depths}
    told |= {str(leaf) for leaf in leaves_of(dataset.about["quarantined"])}
    told |= {record["digest"] for record in sweep.about["caches"].values()} | set(sweep.about["caches"])
    told |= {str(sweep.about["identity"][name]) for name in ("truth", "parts")} | {
        str(sweep.about["dataset"]["digest"])
    }
    told |= {dataset.digest("full"), dataset.content_digest, str((sweep.folder / "sweep.json").stat().st_mtime_ns)}
    told |= {part for text in told if "/" in text for part in text.split("/")}
    told |= {text[:length] for text in told if len(text) == 64 for length in (12, 24)}
    return {text.lower() for text in told if len(text) >= 6} | set(SECRET)


def everything_in(folder: Path) -> str:
    """All that a folder holds: names, bytes, and what is packed in tables, in small letters."""
    told: list[str] = []
    for path in folder.rglob("*"):
        told.append(str(path.relative_to(folder)))
        if path.is_file():
            told.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            told += [str(table.schema.metadata), table.to_pandas().to_csv()]
    return "\n".join(told).lower()


@pytest.mark.faults(
    "a shared home is held against its originals", "no long identifier of the source stands in any byte"
)
def test_no_byte_of_a_shared_home_holds_what_names_its_source(talkative: Home, shared: Home) -> None:
    needles, haystack = identifiers(talkative), everything_in(shared.path)
    assert len(needles) > 1000 and all(secret in everything_in(talkative.path) for secret in SECRET[:3])
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
def test_neither_names_nor_rows_stand_in_the_order_of_the_source(talkative: Home, shared: Home, tmp_path: Path) -> None:
    finish(export(talkative, [], ["demo"], tmp_path / "again"))
    source = Sweep.open(talkative, sweeps(talkative)[0])
    first, second = (Sweep.open(home, sweeps(home)[0]) for home in (shared, Home(tmp_path / "again")))
    key = {bytes(column): row for row, column in enumerate(np.ascontiguousarray(source.logits.T))}
    for one in (first, second):
        rows = [key[bytes(column)] for column in np.ascontiguousarray(one.logits.T)]
        patients = source.images["patient"].iloc[rows].rank().to_numpy()
        assert abs(np.corrcoef(rows, np.arange(len(rows)))[0, 1]) < 0.4
        assert abs(np.corrcoef(patients, one.images["patient"].rank())[0, 1]) < 0.5
    assert first.images["patient"].tolist() != second.images["patient"].tolist()


def figures_of(home: Home) -> dict[str, Any]:
    """Numbers of all kinds that a home tells of its sweeps."""
    told: dict[str, Any] = {}
    for level, fuses in (("image", ["mean"]), ("breast", ["mean", "max", "noisy-or"]), ("patient", ["mean-logit"])):
        board = read_board(home, level=level, fuse=fuses)
        told[level] = board.runs.drop(columns=["cache", "weights", "notes"]).to_json(double_precision=15)
        told[f"{level} bounds"] = [repr(value) for value in board.runs.filter(like="auc").to_numpy().ravel()]
        told[f"{level} luck"] = repr(bias_rows(board))
    table = leaderboard(home)
    assert table["cv_auc"].notna().any()
    runs = table.loc[table["protocol"] == "patient", "run"].head(3).tolist()
    opened = [StoredRun.open(home, run) for run in runs]
    told["influences"] = repr(influences(opened[0].sweep))
    for run, column in zip([*runs, f"{runs[0]}@patient-mean"], ["density", "view", "birads", None], strict=True):
        summary = repr(run_summary(StoredRun.open(home, run), "test", "youden", 0.9, 0.006, column))
        told[run] = summary.replace("X99QZ-ROLLED", "other 1")
    images = shared_images(opened, "test")
    told["compare"] = repr(compare.document(opened, images, differences(images, [0.0] * 3), [0.0] * 3, "test"))
    dataset = Dataset.open(home, "mine")
    told["reader"] = repr(reader_summary(dataset.images, dataset.lesions, dataset.about))
    for spec in SPLITS:
        parts, leaks = split_of(home, dataset, "full", spec)
        told[f"{spec.protocol} {spec.redraw}"] = [sizes(parts), {name: leaks[name] for name in leaks}]
    return told


@pytest.mark.faults("a shared home stands in another order", "every figure is the source's to the last digit")
def test_no_figure_of_a_shared_home_differs_in_any_digit(talkative: Home, shared: Home) -> None:
    ours, theirs = figures_of(talkative), figures_of(shared)
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_a_split_that_no_sweep_was_trained_on_is_not_drawn_in_a_shared_home(shared: Home) -> None:
    with pytest.raises(MammoError, match="tells only the splits that its sweeps were trained on.*patient, seed 0"):
        split_of(shared, Dataset.open(shared, "mine"), "full", SplitSpec(seed=7))


def test_pictures_are_shared_bare_and_under_other_names(talkative: Home, shared: Home) -> None:
    own = {path.read_bytes() for path in (talkative.dataset("mine") / "previews").iterdir()}
    dataset = Dataset.open(shared, "mine")
    pictures = [dataset.preview(image) for image in dataset.images["image"]]
    assert all(bare_jpeg(path.read_bytes()) == path.read_bytes() for path in pictures)
    assert {path.read_bytes() for path in pictures} <= {bare_jpeg(content) for content in own}


@pytest.mark.faults("times of files in the order of the source", "small pictures are written in an order by chance")
def test_times_of_pictures_tell_no_order(shared: Home) -> None:
    dataset = Dataset.open(shared, "mine")
    digests = {dataset.preview(image): digest for image, digest in dataset.images[["image", "digest"]].to_numpy()}
    by_time = sorted(digests, key=lambda path: (path.stat().st_mtime_ns, digests[path]))
    assert len(by_time) > 10
    assert [digests[path] for path in by_time] == sorted(digests.values())


def test_a_picture_loses_what_cameras_write_into_it() -> None:
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
def test_an_order_by_content_knows_neither_names_nor_rows(alike: bool) -> None:
    chance = np.random.default_rng(5)
    labels, patients = chance.integers(0, 2, 60), chance.integers(0, 20, 60)
    logits = chance.normal(size=(12, 60)).astype(np.float32)
    if alike:  # runs that tell hardly anything apart, one that diverged, and films that were listed twice
        logits[:9] = np.round(logits[:9])
        logits[0], logits[3:, 40:], labels[40:], patients[40:] = (
            np.nan,
            logits[3:, 20:40],
            labels[20:40],
            patients[20:40] + 50,
        )
    moved = chance.permutation(60)
    names = np.array([f"p{number}" for number in chance.permutation(100)])[patients]
    ours, theirs = arranged(labels, logits, patients), arranged(labels[moved], logits[:, moved], names[moved])
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_array_equal(np.diff(ours[2]) != 0, theirs[2][1:] != theirs[2][:-1])
    assert sorted(content_order(labels, logits, patients)) == list(range(60)) and not content_order([], [[]], []).size


def test_words_that_nobody_knows_become_others_and_groups_stay() -> None:
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
    told = json.loads(marker.read_text())
    del told["shuffled"]
    marker.write_text(json.dumps(told))
    old = Home(tmp_path / "old")
    parts, _ = split_of(old, Dataset.open(old, "mine"), "full", SplitSpec(seed=7))
    assert sizes(parts)["test"] > 0 and len(leaderboard(old)) == len(leaderboard(talkative))


@pytest.mark.faults("an export that was killed before", "the next one takes away what it left and loses no demo")
def test_what_a_killed_export_left_is_taken_away(talkative: Home, shared: Home, tmp_path: Path) -> None:
    place, beside = tmp_path / "demo", tmp_path / ".partial-demo"
    (beside / "sweeps").mkdir(parents=True)
    (beside / "half").write_text("")
    shutil.copytree(shared.path, tmp_path / ".partial-demo.before")
    with pytest.raises(MammoError, match="no form of export"):
        finish(export(talkative, [], ["nothing"], place))
    finish(export(talkative, [], ["demo"], place))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"] and not (place / "half").exists()
    assert not (place / ".lock").exists() and len(leaderboard(Home(place))) == len(leaderboard(talkative))


KILLED = """
import sys
from mammo.progress import finish
from mammo.results.exports.shared_home.home import Options
from mammo.results.exports.export import export
from mammo.specs import Home
work = export(Home(sys.argv[1]), [], ["demo"], __import__("pathlib").Path(sys.argv[2]), Options(previews=True))
print("begun", flush=True)
finish(work)
"""


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during an export, at twenty random moments", "the demo is the old one or the new one, whole"
)
def test_an_export_that_is_killed_leaves_a_whole_demo(talkative: Home, tmp_path: Path) -> None:
    place, command = tmp_path / "demo", [sys.executable, "-c", KILLED, str(talkative.path), str(tmp_path / "demo")]
    finish(export(talkative, [], ["demo"], place, Options(previews=True)))
    expected, chance, killed, longest = leaderboard(Home(place)), np.random.default_rng(0), 0, 4.0
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout and child.stdout.readline() == b"begun\n"
            begun = time.monotonic()
            try:
                child.wait(chance.uniform(0, longest))
                longest = time.monotonic() - begun
            except subprocess.TimeoutExpired:
                child.kill()
                killed += 1
        if place.exists():
            pd.testing.assert_frame_equal(
                leaderboard(Home(place)).drop(columns="cache"), expected.drop(columns="cache")
            )
            dataset = Dataset.open(Home(place), "mine")
            assert all(dataset.preview(image).is_file() for image in dataset.images["image"])
    finish(export(talkative, [], ["demo"], place))
    assert killed > 5 and sorted(path.name for path in tmp_path.iterdir()) == ["demo"]
