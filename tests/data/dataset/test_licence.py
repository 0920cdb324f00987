"""The index records what may be exported of a data set, and every export checks it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mammo.cli import main
from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.dataset.licence import (
    ATTRIBUTION,
    EXPORTABLE,
    LICENCE,
    LICENCES,
    NOT_RECORDED,
    licence_of,
    licence_terms,
    refuse_export,
)
from mammo.data.dataset.relicensing import record_licence
from mammo.data.index.cbis_ddsm import index_phantom
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.summary import summary
from mammo.errors import MammoError
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard
from mammo.results.exports.export import BEST, EXPORTS, export
from mammo.results.exports.shared_home.home import ShareOptions
from mammo.runs.sweep import sweeps
from mammo.specs import Home


@pytest.fixture
def copied(demo_home: Home, tmp_path: Path) -> Callable[[str | None], Home]:
    """Makes a home with a data set and a sweep under a licence; None for an index of an earlier version."""

    def copy(licence: str | None) -> Home:
        home = Home(tmp_path / "own")
        for folder in ("datasets", "sweeps"):
            shutil.copytree(demo_home.path / folder, home.path / folder, ignore=shutil.ignore_patterns("files"))
        if licence:
            record_licence(home, "phantom-demo", licence, "Somebody (2026)")
        else:
            dataset = Dataset.open(home, "phantom-demo")
            about = {name: value for name, value in dataset.about.items() if name not in (LICENCE, ATTRIBUTION)}
            write_dataset(home, "phantom-demo", about, dataset.images, dataset.lesions)
        return home

    return copy


def test_collections_come_with_a_licence_and_manifests_with_a_careful_one(
    home: Home, tiny: Home, tmp_path: Path
) -> None:
    images = Dataset.open(tiny, "tiny")
    assert licence_of(images.about) is LICENCES["open"]
    first, root = images.images.iloc[:2], Path(images.about["root"])
    lines = [f"{root / row.file},{row.label},p{row.Index}" for row in first.itertuples()]
    manifest = tmp_path / "mine.csv"
    manifest.write_text("\n".join(["path,label,patient", *lines]))

    def indexed(licence: str = "") -> Dataset:
        return finish(index_manifest(home, "mine", manifest, workers=1, options=ManifestOptions(licence=licence)))

    before = indexed()
    assert licence_of(before.about) is LICENCES["no-pixels"]
    again = indexed("no-derivatives")
    assert licence_of(again.about) is LICENCES["no-derivatives"] and again.digest("full") == before.digest("full")
    record_licence(home, "mine", "no-derivatives", "Somebody (2026)")
    for text in ("x" * 501, "\x1b[31mred"):
        with pytest.raises(MammoError, match="up to 500 printable letters"):
            record_licence(home, "mine", "open", text)
    third = indexed()  # what was recorded once stays
    assert summary(third)["licence"] == "no-derivatives" and summary(third)["attribution"] == "Somebody (2026)"
    another = tmp_path / "other.csv"
    another.write_text(manifest.read_text())
    anew = finish(index_manifest(home, "mine", another, workers=1))  # other images have other terms
    assert licence_of(anew.about) is LICENCES["no-pixels"]
    for licence in ("free", "Open"):
        with pytest.raises(MammoError, match=f"no licence '{licence}'; choose one of: no-derivatives, no-pixels, open"):
            indexed(licence)
        with pytest.raises(MammoError, match="no licence"):
            finish(index_phantom(home, "phantom", 4, 0, licence=licence))
    assert not home.dataset("phantom").exists()


def test_what_is_recorded_is_taken_from_the_word_then_the_index_then_the_usual() -> None:
    earlier = {LICENCE: "no-pixels", ATTRIBUTION: "Me"}
    assert licence_terms({}, "", "open", "You") == {LICENCE: "open", ATTRIBUTION: "You"}
    assert licence_terms(earlier, "", "open") == earlier
    assert licence_terms(earlier, "no-derivatives", "open")[LICENCE] == "no-derivatives"
    assert licence_terms({LICENCE: "odd"}, "", "no-pixels")[LICENCE] == "no-pixels"
    assert licence_of({}) is licence_of({LICENCE: None}) is licence_of({LICENCE: ["open"]}) is NOT_RECORDED


@pytest.mark.faults("pictures of a data set whose terms forbid it", "the export is refused in a sentence")
@pytest.mark.parametrize("licence", ["open", "no-pixels", "no-derivatives", None])
def test_an_export_asks_the_licence(copied: Callable[[str | None], Home], tmp_path: Path, licence: str | None) -> None:
    home, out = copied(licence), tmp_path / "out"
    messages = {"open": None, "no-pixels": "no pixels, keeps small pictures"}
    messages |= {
        "no-derivatives": "no derivatives, keeps small pictures",
        None: "records no licence, so no small pictures",
    }
    refused = messages[licence]
    if refused:
        with pytest.raises(MammoError, match=f"{refused}.*mammo licence phantom-demo"):
            finish(export(home, [], ["cards", "demo"], out, ShareOptions(previews=True)))
        assert not out.exists()
    finish(export(home, [], ["demo"], out, ShareOptions(previews=not refused)))
    shared = Dataset.open(Home(out), "phantom-demo")
    assert shared.about.get(LICENCE) == licence and bool(list(out.rglob("*.jpg"))) != bool(refused)
    assert ("Somebody (2026)" in (out / "README.md").read_text()) == bool(licence)


def test_every_licence_and_form_name_what_can_be_exported(demo_home: Home) -> None:
    dataset = Dataset.open(demo_home, "phantom-demo")
    for form in EXPORTS.values():
        assert set(form.leaves(ShareOptions(previews=True))) <= set(EXPORTABLE)
    for name, licence in LICENCES.items():
        assert "scores" in licence.leaves and set(licence.leaves) <= set(EXPORTABLE)
        dataset.about[LICENCE] = name
        for content, words in EXPORTABLE.items():
            if content in licence.leaves:
                refuse_export([dataset], [content])
            else:
                with pytest.raises(MammoError, match=f"keeps {words} in the house"):
                    refuse_export([dataset], [content])


def test_the_command_line_shows_and_records(
    copied: Callable[[str | None], Home], capsys: pytest.CaptureFixture[str]
) -> None:
    home = copied(None)
    digest, where = Dataset.open(home, "phantom-demo").content_digest, ["--home", str(home.path), "--json"]
    assert main(["licence", "phantom-demo", *where]) == 0
    assert json.loads(capsys.readouterr().out)["licence"] is None
    assert main(["licence", "phantom-demo", "no-pixels", "--attribution", "Me", *where]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["licence"] == "no-pixels" and "pictures" not in shown["leaves"] and shown["attribution"] == "Me"
    assert Dataset.open(home, "phantom-demo").content_digest == digest and len(leaderboard(home)) == 24
    for wrong in (["odd"], ["--attribution", "x"]):
        assert main(["licence", "phantom-demo", *wrong, *where]) == 2
    assert "Name the licence beside --attribution" in capsys.readouterr().err


def test_cards_say_that_they_are_of_the_best_alone_and_name_the_source(
    copied: Callable[[str | None], Home], tmp_path: Path
) -> None:
    home, messages = copied("no-pixels"), []
    finish(export(home, [], ["cards"], tmp_path / "cards", notify=messages.append))
    assert len(list((tmp_path / "cards").iterdir())) == BEST
    (sentence,) = messages
    assert sentence.startswith(f"Cards are of the {BEST} best of 24 runs by validation AUC")
    card = next((tmp_path / "cards").iterdir()).read_text()
    assert "**Licence**: No pixels" in card and "Somebody (2026)" in card
    messages.clear()
    finish(export(home, [f"{sweeps(home)[0]}.0"], ["cards", "csv"], tmp_path / "one", notify=messages.append))
    assert messages == [] and "Somebody (2026)" in (tmp_path / "one" / "csv" / "README.md").read_text()
