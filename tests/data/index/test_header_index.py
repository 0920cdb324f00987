"""Headers in an index of DICOM files: what they fill, add and report; and frames that stay together in a split."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from mammo.cli import main
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.inspected import INSPECTED, inspect_files
from mammo.data.manifest.header_columns import ADDED
from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import TEST, TRAIN, draw
from mammo.progress import finish
from mammo.specs import SplitSpec

PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"


def film(number: int) -> np.ndarray:
    """Texture with a bright half-disc, 8 bits."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:40, :32]
    return (np.clip((np.hypot(rows - 20, columns) < 15) * 0.6 + rng.normal(0.2, 0.05, (40, 32)), 0, 1) * 255).astype(
        np.uint8
    )


@pytest.fixture
def mammogram(tmp_path, write_dicom):
    """Writes a DICOM mammogram with the given tags; the identifying tags of the phantom are removed."""

    def written(name: str, number: int, **tags) -> Path:
        path = write_dicom(tmp_path / name, film(number), Manufacturer="ACME", ManufacturerModelName="Mark 2")
        data = pydicom.dcmread(path)
        for keyword in ("Laterality", "PatientOrientation", "SOPClassUID"):
            delattr(data, keyword)
        data.PatientID = ""
        for keyword, value in tags.items():
            setattr(data, keyword, value)
        data.save_as(path)
        return path

    return written


@pytest.fixture
def index(home, tmp_path, capsys):
    """Indexes a manifest through the command line; returns the JSON summary and the data set."""

    def indexed(*lines: str, flags: tuple[str, ...] = ()) -> tuple[dict[str, Any], Dataset]:
        (tmp_path / "set.csv").write_text("\n".join(lines) + "\n")
        command = ["index", "manifest", str(tmp_path / "set.csv"), "--as", "mine", "--json", "--home", str(home.path)]
        assert main([*command, *flags]) == 0
        return json.loads(capsys.readouterr().out), Dataset.open(home, "mine")

    return indexed


def test_what_a_manifest_leaves_empty_is_filled_from_headers_and_reported(mammogram, index):
    mammogram("a.dcm", 1, ImageLaterality="R", ViewPosition="MLO", ImagerPixelSpacing=[0.07, 0.07])
    mammogram("b.dcm", 2, ImageLaterality="L", ViewPosition="MCC", BreastImplantPresent="YES")
    summary, dataset = index("path,label,breast", "a.dcm,B,", "b.dcm,M,R")
    images = dataset.images.set_index("image")
    assert list(images["breast"]) == ["RIGHT", "RIGHT"] and list(images["view"]) == ["MLO", "CC"]
    assert list(images["maker"]) == ["ACME", "ACME"] and list(images["model"]) == ["Mark 2", "Mark 2"]
    assert images.loc["a.dcm", ["spacing_mm", "spacing_kind"]].tolist() == [0.07, "detector"]
    assert images.loc["b.dcm", ["view_modifier", "implant"]].tolist() == ["magnified", "yes"]
    assert "The side of 1 image is from its header." in summary["remarks"]
    assert "The view of 2 images is from their headers." in summary["remarks"]
    assert any(
        remark.startswith("The side of 1 image is another in its header (b.dcm: RIGHT") for remark in summary["remarks"]
    )
    assert not any("b.dcm" in note for note in dataset.notes)


def test_a_set_without_headers_has_no_more_columns_than_before(home, tmp_path, index):
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", film(ord(name)))
    summary, dataset = index("path,label", "a.npy,B", "b.npy,M")
    assert summary["remarks"] == [] and not set(ADDED) & set(dataset.images)
    assert list(dataset.images["breast"]) == ["", ""]


def test_a_phantom_in_the_collections_layout_takes_nothing_from_headers(demo_home):
    for table in (demo := Dataset.open(demo_home, "phantom-demo")).images, demo.lesions:
        assert not set(ADDED) & set(table)
    assert demo.remarks == []


def test_pixels_for_processing_are_reported_loudly_and_left_out_where_asked_for(mammogram, index, capsys):
    mammogram("raw.dcm", 1, SOPClassUID=PROCESSING)
    mammogram("b.dcm", 2, PresentationIntentType="FOR PRESENTATION")
    mammogram("c.dcm", 3)
    lines = ("path,label,patient", "raw.dcm,B,1", "b.dcm,M,2", "c.dcm,B,3")
    summary, dataset = index(*lines)
    assert any(note.startswith("1 of 3 images is FOR PROCESSING") for note in dataset.notes)
    assert list(dataset.images.set_index("image")["intent"]) == ["presentation", "", "processing"]
    summary, dataset = index(*lines, flags=("--intent", "presentation"))
    assert summary["images"] == 2 and dataset.notes == []
    assert [entry["path"] for entry in summary["quarantined"]] == ["raw.dcm"]
    assert "--intent presentation" in summary["quarantined"][0]["reason"]


def test_patients_of_headers_keep_images_together_where_asked_for(mammogram, index):
    for number in range(12):
        mammogram(f"{number}.dcm", number, PatientID=f"W{number // 3}")
    lines = ("path,label", *(f"{number}.dcm,{'BM'[number % 2]}" for number in range(12)))
    summary, dataset = index(*lines)
    assert summary["patients"] == 12
    assert any("12 images name 4 patients" in note and "--header-patients" in note for note in dataset.notes)
    summary, dataset = index(*lines, flags=("--header-patients",))
    assert summary["patients"] == 4
    assert not any("names no patients" in note for note in dataset.notes)
    assert leakage(dataset.images, draw(dataset.images, SplitSpec(test=0.3, validation=0.3)))["patients"] == 0


def test_frames_of_one_file_never_stand_on_both_sides_of_a_split(home, mammogram, index, tmp_path):
    lines = ["path,label,frame"]
    for number in range(8):
        path = mammogram(f"{number}.dcm", number)
        data = pydicom.dcmread(path)
        data.NumberOfFrames = 4
        data.PixelData = np.stack([film(10 * number + frame) for frame in range(4)]).tobytes()
        data.save_as(path)
        lines += [f"{number}.dcm,{'BM'[number % 2]},{frame}" for frame in ("1", "2", "3-4")]
    summary, dataset = index(*lines)
    assert (summary["images"], summary["patients"], summary["views"]) == (24, 8, 8)
    for seed in range(5):
        parts = draw(dataset.images, SplitSpec(seed=seed, test=0.3, validation=0.3))
        files = dataset.images["image"].str.partition("#")[0]
        assert not set(files[parts == TEST]) & set(files[parts == TRAIN])
        leaks = leakage(dataset.images, parts)
        assert leaks["patients"] is None and leaks["films"] is None  # the patients of these files are unknown
    summary, dataset = index("path,label,frame,patient,film", "0.dcm,B,1,x,f", "0.dcm,M,2,y,g")
    assert (summary["patients"], summary["views"]) == (2, 2)


def test_what_was_read_of_headers_is_remembered_with_the_files(home, mammogram, index, tmp_path, monkeypatch):
    mammogram("a.dcm", 1, ImageLaterality="R")
    index("path,label", "a.dcm,B")
    folder = home.dataset("mine")
    assert (folder / INSPECTED).is_file()
    monkeypatch.setattr("mammo.data.index.inspection.read_header", lambda *_: pytest.fail("the header was read again"))
    (facts,) = finish(inspect_files(folder, tmp_path, ["a.dcm"], workers=1)).values()
    assert json.loads(facts.header)["breast"] == "RIGHT"


def test_remarks_with_names_in_them_stay_at_home(home, mammogram, index):
    """A sweep includes the notes of its data set and is published with them."""
    mammogram("a.dcm", 1, ImageLaterality="L", PatientID="SECRET")
    mammogram("b.dcm", 2, ImageLaterality="R", PatientID="SECRET")
    summary, dataset = index("path,label,patient,breast", "a.dcm,B,1,R", "b.dcm,M,2,R")
    assert any("SECRET" in remark for remark in summary["remarks"])
    assert dataset.notes and not any("SECRET" in note or ".dcm" in note for note in dataset.notes)
