"""A user's images as a CSV: what is understood, what is refused with file, row and column, and the resulting index."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mammo.cli import main
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.columns.columns import COLUMNS
from mammo.data.manifest.manifest import read_manifest
from mammo.data.masks import findings_mask
from mammo.data.splits.protocols import draw
from mammo.data.summary import summary
from mammo.errors import MammoError
from mammo.features.extraction.extract import extract
from mammo.progress import finish
from mammo.specs import CacheSpec, SplitSpec

ROWS, SIDES = 60, 44


def picture(number: int, bits: int = 8) -> np.ndarray:
    """A bright half-disc with texture; different for each number."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:ROWS, :SIDES]
    disc = np.hypot(rows - ROWS / 2, columns) < 20 + number % 7
    grey = np.clip(disc * 0.6 + rng.normal(0, 0.03, disc.shape) + 0.1, 0, 1)
    return (grey * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".pgm":
        head = f"P5\n{pixels.shape[1]} {pixels.shape[0]}\n{np.iinfo(pixels.dtype).max}\n".encode()
        path.write_bytes(head + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes())
    else:
        Image.fromarray(pixels).save(path)


def index(home, path, **options):
    return finish(index_manifest(home, "mine", path, workers=1, **options))


def test_pgm_files_with_letters_and_patients_work_from_the_first_try(home, tmp_path, write, capsys):
    rows = ["path,label,patient"]
    for number in range(40):
        save(tmp_path / "images" / f"mdb{number:03d}.pgm", picture(number))
        rows.append(f"images/mdb{number:03d}.pgm,{'BM'[number % 3 == 0]},p{number // 2}")
    path = write(*rows)
    at = ["--home", str(home.path)]
    assert main(["index", "manifest", str(path), "--as", "mias", "--json", *at]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["images"], counts["patients"], counts["quarantined"]) == (40, 20, [])
    assert counts["image_labels"] == {"benign": 26, "malignant": 14}
    assert main(["split", "mias", "--protocol", "patient", "--json", *at]) == 0
    split = json.loads(capsys.readouterr().out)
    assert split["train"] + split["validation"] + split["test"] == 40 and split["leakage"]["patients"] == 0
    command = ["extract", "mias", "--trunk", "vgg16-mini", "--weights", "random", "--size", "32", "--json", *at]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 40
    assert main(["sweep", "mias", "--pool", "gap", "--epochs", "2", "--json", *at]) == 0
    assert main(["leaderboard", "--json", *at]) == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "pgm", "tif", "npy"])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_kind_of_file_gives_its_picture(home, tmp_path, write, suffix, bits):
    if (suffix, bits) == ("jpg", 16):
        pytest.skip("JPEG holds 8 bits")
    save(tmp_path / f"a.{suffix}", picture(1, bits))
    save(tmp_path / f"b.{suffix}", picture(2, bits))
    dataset = index(home, write("path,label", f"a.{suffix},benign", f"b.{suffix},malignant"))
    assert dataset.quarantine.empty
    pixels = dataset.source(f"a.{suffix}").read().to_float()
    assert np.abs(pixels - picture(1, bits) / (2**bits - 1)).mean() < (0.03 if suffix == "jpg" else 1e-6)


def test_dicom_files_and_frames_of_one_file(home, tmp_path, write, write_dicom):
    frames = np.stack([picture(number, 16) for number in range(3)])
    path = write_dicom(tmp_path / "stack.dcm", frames[0])
    import pydicom

    data = pydicom.dcmread(path)
    data.NumberOfFrames, data.PixelData = 3, frames.tobytes()
    data.save_as(path)
    write_dicom(tmp_path / "one.dcm", picture(9, 16))
    dataset = index(home, write("path,label,frame", "one.dcm,B,", "stack.dcm,M,2", "stack.dcm,B,3"))
    assert list(dataset.images["image"]) == ["one.dcm", "stack.dcm#2", "stack.dcm#3"]
    assert np.allclose(dataset.source("stack.dcm#2").read().to_float(), frames[1] / 65535, atol=1e-6)
    assert dataset.synthetic
    dataset = index(home, write("path,label", "one.dcm,B", "stack.dcm,M"))
    assert list(dataset.images["image"]) == ["one.dcm"]
    assert "frame" in dataset.quarantine["reason"][0]


def test_findings_come_with_boxes_and_masks(home, tmp_path, write):
    save(tmp_path / "a.png", picture(1))
    save(tmp_path / "b.png", picture(2))
    mask = np.zeros((ROWS // 2, SIDES), np.uint8)
    mask[10:16, 6:20] = 255
    save(tmp_path / "m.png", mask)
    path = write(
        "path,label,patient,xmin,ymin,xmax,ymax,mask,site",
        "a.png,benign,p,4,10,14,30,,east",
        "a.png,malignant,p,20,40,30,50,,east",
        "b.png,benign,q,,,,,m.png,west",
    )
    dataset = index(home, path)
    assert list(dataset.images["label"]) == ["malignant", "benign"]
    assert list(dataset.images["conflict"]) == [True, False]
    assert list(dataset.images["site"]) == ["east", "west"]
    crops = dataset.table("crop").set_index("image")
    assert list(crops["label"]) == ["benign", "malignant", "benign"]
    assert dataset.source("a.png_1").read().pixels.shape == (28, 14)
    assert np.allclose(dataset.source("a.png_1").read().to_float(), (picture(1) / 255)[6:34, 2:16], atol=1e-5)
    assert dataset.source("b.png_1").read().pixels.shape == (2 * 6 + 2 * 2, 14 + 2 * 3)
    lit = findings_mask(dataset, "b.png", (ROWS, SIDES))
    assert lit.sum() == 2 * mask.astype(bool).sum() and lit[20:32, 6:20].all()
    assert findings_mask(dataset, "a.png", (ROWS, SIDES)).sum() == 10 * 20 + 10 * 10
    assert summary(dataset)["labels"] == {"benign": 2, "malignant": 1}
    (extraction,) = finish(
        extract(home, [CacheSpec("mine", "vgg16-mini", "random-0", size=32, kind="crop")], workers=1)
    )
    assert extraction.cache.shape[0] == 3


def test_what_can_be_read_is_used_and_the_rest_set_aside(home, tmp_path, write):
    save(tmp_path / "a.png", picture(1))
    (tmp_path / "b.png").write_bytes(b"not a picture")
    save(tmp_path / "grey.png", picture(3))
    path = write(
        "path,label,mask,xmin,ymin,xmax,ymax",
        "a.png,B,grey.png,,,,",
        "b.png,M,,,,,",
        "c.png,M,,,,,",
        "grey.png,B,none.png,100,100,120,120",
    )
    dataset = index(home, path)
    assert list(dataset.images["image"]) == ["a.png", "grey.png"]
    reasons = dict(dataset.quarantine.itertuples(index=False))
    assert reasons["grey.png"] == "row 2: no mask: its pixels have more than two values"
    assert reasons["b.png"].startswith("row 3: ") and reasons["c.png"] == "row 4: No such file or directory"
    assert reasons["none.png"] == "row 5: No such file or directory"
    assert reasons["grey.png_1"] == f"its box lies outside the image of {ROWS} rows and {SIDES} columns"


def test_the_manifests_own_split(home, tmp_path, write):
    rows = ["path,label,patient,split"]
    for number, part in enumerate(["Train"] * 8 + ["val"] * 4 + ["TEST"] * 4 + [""] * 2):
        save(tmp_path / f"{number}.png", picture(number))
        rows.append(f"{number}.png,{'BM'[number % 2]},p{number},{part}")
    dataset = index(home, write(*rows))
    parts = draw(dataset.images, SplitSpec("manifest"))
    assert [int((parts == part).sum()) for part in (0, 1, 2, -1)] == [8, 4, 4, 2]


def test_without_patients_every_image_is_its_own_and_that_is_reported(home, tmp_path, write, capsys):
    for name in "ab":
        save(tmp_path / f"{name}.png", picture(ord(name)))
    path = write("path,label", "a.png,0", "b.png,1")
    assert index(home, path).notes == ["The manifest names no patients: every file counts as a patient of its own."]
    main(["index", "manifest", str(path), "--as", "mine", "--home", str(home.path)])
    assert "Note: The manifest names no patients" in capsys.readouterr().err


def test_columns_can_be_mapped_and_labels_named(write, tmp_path, home, capsys):
    save(tmp_path / "a.png", picture(1))
    save(tmp_path / "b.png", picture(2))
    path = write("File;Diagnosis;Woman", "a.png;invasive;x", "b.png;cyst;y")
    command = ["index", "manifest", str(path), "--as", "mine", "--home", str(home.path), "--json"]
    mapped = ["--column", "path=File", "--column", "label=Diagnosis", "--column", "patient=Woman"]
    assert main([*command, *mapped, "--positive", "invasive,in situ"]) == 2
    assert "has the Diagnosis 'in situ'; its labels are: cyst, invasive" in capsys.readouterr().err
    assert main([*command, *mapped, "--positive", "invasive"]) == 0
    assert list(Dataset.open(home, "mine").images["label"]) == ["malignant", "benign"]
    assert main([*command, "--column", "path"]) == 2
    assert "--column takes OURS=THEIRS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["path,label", "a.png,B", "b.png,?", "c.png,"], r"set.csv: 2 of 3 rows, more than half, .*\(row 3: the label"),
        (["path,label", ",B"], r"1 of 1 rows, .*\(row 2: the path is empty\)"),
        (["path,label", "a.png,"], r"row 2: the label is empty.*--positive and --negative, .* --drop"),
        (["path,label,patient", "a.png,B,"], r"row 2: the patient is empty.*--column"),
        (["path,label,patient", "a.png,B,Unknown"], r"row 2: the patient 'Unknown' says that it is not known"),
        (
            ["path,label,patient", "a.png,B,x", "./a.png,M,y"],
            r"row 2: the patient of one image is 'x' and 'y' \(rows 2, 3\)",
        ),
        (["place,label", "a.png,B"], r"lacks the column path; name what stands for it with --column path=NAME"),
        (["path,label"], r"set.csv lists no image"),
        (
            ["path,label,label", "a,b,c"],
            r"has the columns label, label \(2\); say which it is with --column",
        ),
        (["path,label", "a.png,B,x"], r"row 2: it has 3 cells, the header has 2"),
        ([""], r"set.csv is empty"),
        (["path,label", "a\0.png,B"], r"row 2: the path .* can name no file"),
        (["path,label,Patient,PATIENT", "a,B,1,2"], r"has the columns Patient, PATIENT; say which it is with --column"),
        (["path,target,status", "a,B,1"], r"has the columns target, status; say which it is with --column label=NAME"),
    ],
)
def test_what_cannot_be_understood_is_reported_with_file_row_and_column(write, lines, sentence):
    with pytest.raises(MammoError, match=sentence):
        read_manifest(write(*lines))


def test_a_missing_manifest_and_one_without_a_readable_image(home, tmp_path, write):
    with pytest.raises(MammoError, match="There is no manifest .*; give a CSV file with the columns path and label"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(MammoError, match=r"None of the images .+ can be read \(a.png: row 2: No such file"):
        index(home, write("path,label", "a.png,B"))


def test_other_columns_are_kept_and_may_have_any_name(write):
    manifest = read_manifest(write("path,label,image,Scanner,lesion", "a.png,M,7,Lumisys,x"))
    assert manifest.extra == ["image_given", "Scanner", "lesion_given"]
    assert manifest.rows["image"][0] == "a.png" and manifest.rows["Scanner"][0] == "Lumisys"


def test_no_name_of_a_column_is_in_the_indexs_way(home, tmp_path, write):
    save(tmp_path / "a.png", picture(1))
    columns = "crop_rows,file,file_given,image_path,xmin,ymin,xmax,ymax"
    images = index(home, write(f"path,label,{columns}", "a.png,M,1,2,3,4,5,6,20,20")).images
    renamed = ["crop_rows_given", "file_given", "file_given_given", "image_path_given"]
    assert images[renamed].iloc[0].tolist() == ["1", "2", "3", "4"]


def test_a_mapped_column_outranks_one_of_our_name_and_may_be_mapped_twice(write):
    path = write("path,label,diagnosis", "a.png,0,M")
    manifest = read_manifest(path, {"label": "diagnosis", "patient": "path"})
    assert manifest.rows["pathology"][0] == "MALIGNANT" and manifest.rows["patient"][0] == "a.png"
    assert manifest.extra == ["label_given"] and manifest.notes == []


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=;", "path;label", "a.png;1"],
        ["", "path,label", "a.png,1"],
        ["path,label,,", "a.png,1,,"],
        [",path,label", "0,a.png,1.0"],
        ["path\tlabel", "a.png\tM\t\t"],
        ["\ufeffpath,label\r", '"a.png","Malignant"\r'],
    ],
)
def test_a_manifest_is_read_as_spreadsheets_and_pandas_write_it(write, lines):
    manifest = read_manifest(write(*lines))
    assert manifest.rows[["path", "pathology"]].iloc[0].tolist() == ["a.png", "MALIGNANT"]
    assert manifest.extra == []


def test_windows_paths_are_found(home, tmp_path, write):
    save(tmp_path / "images" / "a.png", picture(1))
    save(tmp_path / "b\\c.png", picture(2))
    images = index(home, write("path,label", "images\\a.png,M", "b\\c.png,B")).images
    assert list(images["image"]) == ["b\\c.png", "images/a.png"]


def test_unicode_text_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("path\tlabel\tplace\na.png\tM\tZürich\n", "utf-16")
    assert read_manifest(path).rows["place"].tolist() == ["Zürich"]


def test_a_box_between_pixels_is_rounded_outwards(write):
    rows = read_manifest(write("path,label,xmin,ymin,xmax,ymax", "a.png,M,2.7,0.2,30.1,40.0")).rows
    assert rows[["xmin", "ymin", "xmax", "ymax"]].iloc[0].tolist() == [2, 0, 31, 40]


def test_only_a_plain_file_is_a_manifest(tmp_path):
    for name in ("pipe.csv", "pipe.xlsx"):
        os.mkfifo(tmp_path / name)
    for path in (tmp_path / "pipe.csv", tmp_path / "pipe.xlsx", Path("/dev/zero"), tmp_path):
        with pytest.raises(MammoError, match="not a plain file"):
            read_manifest(path)


def test_the_help_lists_every_column(capsys):
    with pytest.raises(SystemExit):
        main(["index", "manifest", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in COLUMNS)


def test_indexing_again_after_a_change_of_labels_keeps_the_pixels(home, tmp_path, write):
    for name in "ab":
        save(tmp_path / f"{name}.png", picture(ord(name)))
    first = index(home, write("path,label", "a.png,B", "b.png,M"))
    second = index(home, write("path,label", "a.png,M", "b.png,B"))
    assert first.digest("full") == second.digest("full")
    assert list(second.images["label"]) == ["malignant", "benign"]
    assert pd.read_parquet(second.folder / "files.parquet")["file"].tolist() == ["a.png", "b.png"]


def test_files_of_the_same_names_size_and_time_elsewhere_are_others(home, tmp_path, write):
    digests = []
    for folder in ("here", "there"):
        for name in "ab":
            file = tmp_path / folder / f"{name}.npy"
            save(file, picture(ord(name) + len(digests)))
            os.utime(file, (1e9, 1e9))
        digests.append(index(home, write("path,label", "a.npy,B", "b.npy,M", name=f"{folder}/set.csv")).digest("full"))
    assert digests[0] != digests[1]
