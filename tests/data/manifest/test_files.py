"""Listed files: found as written, by a template, without their ending, or missing with the reason."""

import json
import unicodedata

import numpy as np
import pydicom
import pytest
from PIL import Image

from mammo.cli import main
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.errors import MammoError
from mammo.progress import finish


def save(path, number=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 30), dtype=np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path):
    for number, name in enumerate(["img/i0.png", "img/i1.png", "two/i0.png", "two/i0.jpg", "1.2.840/1.2.3.png"]):
        save(tmp_path / name, number)
    return tmp_path


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("img/I0.png", "no such file, but img/i0.png is there: its name differs in capital letters"),
        ("IMG/i0.PNG", "no such file, but img/i0.png is there: its name differs in capital letters"),
        ("Img/i1", "no such file, but img/i1.png is there: its name differs in capital letters"),
        ("img/i0.dcm", "no such file, but img/i0.png is there: its ending differs"),
        ("two/i0", "it has no ending, and i0.jpg and i0.png are there; name one by --column path='{…}.dcm'"),
        (
            "/kaggle/input/set/img/i0.png",
            "no such file, but its end img/i0.png is there: the path was written elsewhere",
        ),
        (r"C:\data\img\i0.png", "no such file, but its end img/i0.png is there: the path was written elsewhere"),
        ("data/img/i0.png", "no such file, but its end img/i0.png is there: the path was written elsewhere"),
        ("img/i9.png", "No such file or directory"),
        ("img", "No such file or directory"),
    ],
)
def test_the_reason_why_a_file_is_absent_is_reported(pictures, write, listed, reason):
    manifest = read_manifest(write("path,label", "img/i1.png,B", f"{listed},M"))
    (message,) = manifest.absent.values()
    assert message.startswith(reason) and manifest.rows["path"][0] == "img/i1.png"


def test_another_unicode_form_is_reported(tmp_path, write):
    save(tmp_path / unicodedata.normalize("NFD", "Köln.png"))
    manifest = read_manifest(write("path,label", f"{unicodedata.normalize('NFC', 'Köln.png')},B"))
    (message,) = manifest.absent.values()
    assert message.endswith("its name is written in another Unicode form")


@pytest.mark.parametrize(("listed", "file"), [("img/i0", "img/i0.png"), ("1.2.840/1.2.3", "1.2.840/1.2.3.png")])
def test_a_name_without_its_ending_is_the_only_file_of_that_name(pictures, write, listed, file):
    manifest = read_manifest(write("path,label", f"{listed},B"))
    assert manifest.rows["path"].tolist() == [file] and manifest.absent == {}
    assert "1 listed name lacks its ending: .png." in manifest.remarks


def test_paths_are_relative_to_the_root_that_is_named(home, pictures, tmp_path_factory):
    table = tmp_path_factory.mktemp("tables") / "set.csv"
    table.write_text("path,label\n/kaggle/input/x/img/i0.png,B\nC:\\x\\img\\i1.png,M\n")
    dataset = finish(index_manifest(home, "mine", table, workers=1, options=ManifestOptions(root=pictures)))
    assert list(dataset.images["image"]) == ["img/i0.png", "img/i1.png"]
    assert dataset.about["root"] == str(pictures)
    assert any("2 paths were written elsewhere and taken by their end" in note for note in dataset.remarks)
    with pytest.raises(MammoError, match=r"img/i0.png is there: .*take paths by their end with --root"):
        table.rename(pictures / "set.csv")
        finish(index_manifest(home, "mine", pictures / "set.csv", workers=1))
    with pytest.raises(MammoError, match=r"There is no folder .*none; --root names"):
        read_manifest(pictures / "set.csv", options=ManifestOptions(root=pictures / "none"))


def test_two_paths_that_end_at_one_file_are_not_taken_for_one_image(pictures, write):
    manifest = read_manifest(
        write("path,label", "/train/img/i0.png,B", "/test/img/i0.png,M"), options=ManifestOptions(root=pictures)
    )
    assert all("two listed paths end so" in reason for reason in manifest.absent.values()) and len(manifest.absent) == 2


def test_a_template_names_files_by_columns(pictures, write):
    path = write("folder,number,label", "img,0.0,B", "img,1,M", "img,,M", "img,7,B")
    manifest = read_manifest(path, {"path": "{folder}/i{number}.png"})
    assert manifest.rows["path"].tolist() == ["img/i0.png", "img/i1.png", "img/i7.png"]
    assert manifest.absent == {"img/i7.png": "No such file or directory"}
    assert manifest.quarantined == [["row 4", "row 4: a column that {folder}/i{number}.png is made of is empty"]]


def test_a_pattern_finds_the_one_file_of_a_row(pictures, write):
    save(pictures / "deep/down/x[1].png")
    manifest = read_manifest(write("name,label", "1.2.3,B", "x[1],M", "gone,B"), {"path": "**/{name}.png"})
    assert manifest.rows["path"].tolist() == ["1.2.840/1.2.3.png", "deep/down/x[1].png", "**/gone.png"]
    assert manifest.absent == {"**/gone.png": "no file matches **/gone.png"}


def test_rows_of_one_breast_take_the_files_whose_header_says_that_breast(home, tmp_path, write, write_dicom):
    rng = np.random.default_rng(3)
    for number, side in enumerate("LLRRR"):
        path = tmp_path / "set" / f"P{1 + number // 4}" / f"1-{number}.dcm"
        write_dicom(path, rng.integers(0, 4000, (40, 30), dtype=np.uint16))
        data = pydicom.dcmread(path)
        data.ImageLaterality = side
        data.save_as(path)
    write_dicom(
        tmp_path / "set" / "P2" / "1-5.dcm", rng.integers(0, 4000, (40, 30), dtype=np.uint16), ImageLaterality="L"
    )
    path = write("ID1,LeftRight,classification", "P1,L,Benign", "P1,R,Malignant", "P2,L,Malignant", "P3,L,Benign")
    options = ManifestOptions({"path": "set/{ID1}/*.dcm"})
    images = finish(index_manifest(home, "mine", path, workers=1, options=options)).images
    assert images[["image", "patient", "breast", "label"]].to_numpy().tolist() == [
        ["set/P1/1-0.dcm", "P1", "LEFT", "benign"],
        ["set/P1/1-1.dcm", "P1", "LEFT", "benign"],
        ["set/P1/1-2.dcm", "P1", "RIGHT", "malignant"],
        ["set/P1/1-3.dcm", "P1", "RIGHT", "malignant"],
        ["set/P2/1-5.dcm", "P2", "LEFT", "malignant"],
    ]


def test_files_that_are_not_there_never_end_an_index_while_one_is_left(home, pictures, write, capsys):
    path = write("path,label", *(f"img/i{number}.png,{'BM'[number % 2]}" for number in range(1, 40)))
    assert main(["index", "manifest", str(path), "--as", "mine", "--home", str(home.path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["images"], len(summary["quarantined"]), summary["listed_images"]) == (1, 38, 39)


def test_every_option_of_a_manifest_reaches_it_from_the_command_line(home, pictures, tmp_path, capsys):
    path = tmp_path / "tables" / "list.txt"
    path.parent.mkdir()
    path.write_text("i0 dense\ni1 fatty\ni2 unsure, maybe\n".replace("unsure, maybe", "other"))
    command = ["index", "manifest", str(path), "--as", "mine", "--home", str(home.path), "--json"]
    options = ["--root", str(pictures), "--header", "name,kind", "--column", "path=img/{name}.png", "--column"]
    options += ["label=kind", "--positive", '"dense"', "--negative", "fatty", "--drop", "other"]
    assert main([*command, *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["image_labels"] == {"malignant": 1, "benign": 1}
    assert summary["quarantined"] == [
        {"path": "img/i2.png", "reason": "row 3: the kind 'other' is left out, as --drop asks"}
    ]


def test_a_file_that_rows_of_both_breasts_match_needs_a_side_of_its_own(write, tmp_path):
    for number, name in enumerate(["w1/a.png", "w1/b.png", "w2/a.png", "w3/a.png", "w3/b.png"]):
        save(tmp_path / name, number)
    path = write("ID1,LeftRight,class", "w1,L,B", "w1,R,M", "w2,L,M", "w3,R,B")
    manifest = read_manifest(path, options=ManifestOptions({"path": "{ID1}/*.png"}))
    assert dict(zip(manifest.rows["path"], manifest.rows["label"], strict=True)) == {
        "w2/a.png": "malignant", "w3/a.png": "benign", "w3/b.png": "benign",
    }  # fmt: skip
    why = "rows of both breasts match it, and its header does not say which it shows"
    assert manifest.quarantined == [["w1/a.png", why], ["w1/b.png", why]]


def test_rows_that_name_no_breast_may_share_the_files_that_they_match(write, tmp_path):
    for name in ("w1/a.png", "w1/b.png"):
        save(tmp_path / name)
    manifest = read_manifest(write("ID1,class", "w1,B", "w1,M"), options=ManifestOptions({"path": "{ID1}/*.png"}))
    assert sorted(zip(manifest.rows["path"], manifest.rows["label"], strict=True)) == [
        ("w1/a.png", "benign"), ("w1/a.png", "malignant"), ("w1/b.png", "benign"), ("w1/b.png", "malignant"),
    ]  # fmt: skip
