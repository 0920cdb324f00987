"""One odd cell costs one value or one row, never the data set, and the loss is counted."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mammo.data.index.identical import identical_files
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.columns.columns import BOX, COLUMNS
from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.manifest.words.words import MISSING
from mammo.data.summary import summary
from mammo.errors import MammoError
from mammo.progress import finish
from mammo.specs.class_names import ClassNames

ODD = {
    "breast": ["B", "both", "up", "bilateral", "nan"],
    "view": ["N/A", "-"],
    "split": ["holdout", "x", "None"],
    "birads": ["9", "4/5", "R4", "NaN", "Unknown"],
    "density": ["0", "5", "7", "E", "#N/A"],
    "subtlety": ["0", "9", "x"],
    "frame": ["0", "-1", "1.5", "first"],
    "abnormality": ["null", "?"],
    "mask": ["nan", "None"],
    "film": ["nan", "-"],
}


def with_cell(write, column, cell, usual):
    rows = [f"i{number}.png,{'BM'[number % 2]},p{number},{usual}" for number in range(8)]
    rows[3] = f"i3.png,M,p3,{cell}"
    return read_manifest(write(f"path,label,patient,{column}", *rows))


@pytest.mark.parametrize(("column", "cell"), [(column, cell) for column, cells in ODD.items() for cell in cells])
def test_an_odd_cell_of_an_optional_column_is_a_missing_value(write, column, cell):
    usual = {"breast": "L", "view": "CC", "split": "train", "mask": "", "film": ""}.get(column, "1")
    manifest = with_cell(write, column, cell, usual)
    assert len(manifest.rows) == 8 and manifest.quarantined == []
    value = manifest.rows[column][3]
    assert value == "i3.png" if column == "film" else pd.isna(value) or value == COLUMNS[column].missing
    assert manifest.missing == {column: 1}
    assert any(
        note.startswith(f"Of the column {column}, 1 value is missing: row 5 {cell!r} ") for note in manifest.remarks
    )


@pytest.mark.parametrize("word", ["", *sorted(MISSING)])
@pytest.mark.parametrize("column", ["path", "label", "patient"])
def test_a_row_without_path_label_or_patient_is_set_aside_with_row_and_column(write, column, word):
    rows = [[f"i{number}.png", "BM"[number % 2], f"p{number}"] for number in range(8)]
    rows[3][["path", "label", "patient"].index(column)] = f'"{word}"'
    manifest = read_manifest(write("path,label,patient", *map(",".join, rows)))
    assert len(manifest.rows) == 7 and manifest.missing == {}
    ((_, reason),) = manifest.quarantined
    assert reason in (f"row 5: the {column} is empty", f"row 5: the {column} {word!r} says that it is not known")


@pytest.mark.parametrize(("wrong", "fails"), [(4, False), (5, True)])
@pytest.mark.parametrize("column", ["label", "patient"])
def test_more_than_half_of_the_rows_set_aside_for_their_cells_is_an_error(write, column, wrong, fails):
    rows = [[f"i{number}.png", "BM"[number % 2], f"p{number}"] for number in range(8)]
    for row in rows[:wrong]:
        row[["path", "label", "patient"].index(column)] = "n/a"
    path = write("path,label,patient", *map(",".join, rows))
    if fails:
        with pytest.raises(
            MammoError, match=f"5 of 8 rows, more than half, are set aside for their cells .row 2: the {column}"
        ):
            read_manifest(path)
    else:
        assert len(read_manifest(path).rows) == 4


@pytest.mark.parametrize(
    ("cells", "box", "missing"),
    [
        ("-3.2,20,30,40", [0, 20, 30, 40], 0),
        ("10,20,900,900", [10, 20, 900, 900], 0),
        ("0,0,0,0", None, 0),
        ("0.0,0.0,0.0,0.0", None, 0),
        (",,,", None, 0),
        ("nan,nan,nan,nan", None, 1),
        ("10,20,30,", None, 1),
        ("10,20,30,x", None, 1),
        ("30,20,10,40", None, 1),
        ("10,20,10,40", None, 1),
        ("1e1,20,30,40", [10, 20, 30, 40], 0),
        ("1e9,20,30,40", None, 1),
    ],
)
def test_a_box_is_clipped_missing_or_none(write, cells, box, missing):
    manifest = read_manifest(write(f"path,label,{','.join(BOX)}", "a.png,B,10,20,30,40", f"b.png,M,{cells}"))
    assert manifest.rows.loc[0, list(BOX)].tolist() == [10, 20, 30, 40]
    sides = manifest.rows.loc[1, list(BOX)]
    assert sides.isna().all() if box is None else sides.tolist() == box
    assert manifest.missing.get("box", 0) == missing


def test_a_box_outside_the_image_gives_no_crop_and_is_reported(home, tmp_path, write):
    for name in "ab":
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (60, 44), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    rows = ["a.png,B,-20,-20,-3,-2", "b.png,M,-5,-6,12,14", "b.png,M,100,10,120,20"]
    dataset = finish(index_manifest(home, "mine", write(f"path,label,{','.join(BOX)}", *rows), workers=1))
    reasons = dict(dataset.quarantine.itertuples(index=False))
    assert reasons["a.png_1"] == "row 2: its box lies outside the image"
    assert reasons["b.png_2"].startswith("its box lies outside the image of 60 rows")
    assert list(dataset.table("crop")["image"]) == ["b.png_1"] and len(dataset.images) == 2
    assert dataset.source("b.png_1").read().pixels.shape == (14 + 3, 12 + 2)


def test_boxes_that_are_shares_of_the_image_are_not_taken_for_pixels(write):
    manifest = read_manifest(write(f"path,label,{','.join(BOX)}", "a,B,0.1,0.2,0.5,0.9", "b,M,0,0,1,1", "c,M,,,,"))
    assert manifest.rows[list(BOX)].isna().all(axis=None) and manifest.missing == {}
    assert any("shares of the image, not pixels" in note for note in manifest.remarks)


def test_rows_of_one_image_that_contradict_one_another(write):
    rows = [
        "a,B,p,L,CC,train",
        "a,M,p,R,CC,",
        "b,B,q,L,CC,test",
        "b,B,r,L,CC,test",
        "c,M,s,,MLO,train",
        "c,B,s,R,MLO,test",
    ]
    rows += [f"d{number},B,t,L,CC,train" for number in range(6)]
    manifest = read_manifest(write("path,label,patient,breast,view,split", *rows))
    first = manifest.rows.groupby("path")[["breast", "view", "split"]].first()
    assert first.loc["a"].tolist() == ["", "CC", "train"]
    assert first.loc["c", "breast"] == "RIGHT" and pd.isna(first.loc["c", "split"])
    assert "b" not in first.index
    assert manifest.quarantined == [
        ["b", "row 4: the patient of one image is 'q' and 'r' (rows 4, 5)"],
        ["b", "row 5: the patient of one image is 'q' and 'r' (rows 4, 5)"],
    ]


def test_a_row_that_stands_twice_counts_once(write):
    manifest = read_manifest(write("path,label,birads", "a,B,2", "b,M,5", "a,B,2", "a,B,3"))
    assert manifest.rows["lesion"].tolist() == ["a_1", "b_1", "a_2"]
    assert "1 row repeats another and counts once (row 4)." in manifest.remarks


@pytest.mark.parametrize(
    ("cells", "patients"),
    [
        (["1000", "1000.0", "1000.00", " 1000 ", "1000\u00a0", "\u200b1000", "１０００", "1000.", "1000,0"], {"1000"}),
        (["1,000", "1"], {"1,000", "1"}),
        (["P 1", "P  1", "P\u00a01"], {"P 1"}),
        (["Jose\u0301", "José"], {"José"}),
        (["12", "0012"], {"12", "0012"}),
        (["p1", "P1"], {"p1", "P1"}),
        (["1.5", "1.50"], {"1.5", "1.50"}),
        (["1.2.0", "1.2"], {"1.2.0", "1.2"}),
        (["0", "0.0"], {"0"}),
    ],
)
def test_one_patient_in_several_spellings(write, cells, patients):
    manifest = read_manifest(write("path,label,patient", *(f'{n}.png,B,"{cell}"' for n, cell in enumerate(cells))))
    assert set(manifest.rows["patient"]) == patients


@pytest.mark.parametrize(
    ("cells", "note", "remark"),
    [
        (
            ["12", "0012"],
            "Patients that differ in leading zeros alone count as different women (1 pair).",
            "Patients that differ in leading zeros alone: '12' and '0012' (1 in all).",
        ),
        (
            ["p1", "P1"],
            "Patients that differ in capital letters alone count as different women (1 pair).",
            "Patients that differ in capital letters alone: 'p1' and 'P1' (1 in all).",
        ),
        (
            ["1.23E+12", "7"],
            "Patients look rounded by a spreadsheet, so that several women may have become one.",
            "Patients that look rounded: '1.23E+12' (1 in all).",
        ),
    ],
)
def test_patients_whose_names_hardly_differ_are_counted_everywhere_and_named_at_home(write, cells, note, remark):
    manifest = read_manifest(write("path,label,patient", *(f"{n}.png,B,{cell}" for n, cell in enumerate(cells))))
    assert (manifest.notes[-1], manifest.remarks[-1]) == (note, remark)


def test_identical_files_with_opposite_labels_or_other_patients_are_counted_and_named(home, tmp_path, write):
    for name, number in (("a", 1), ("b", 1), ("c", 2), ("d", 2), ("e", 3)):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 30), dtype=np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    rows = ["a.png,B,p", "b.png,M,p", "c.png,B,q", "d.png,B,r", "e.png,M,s"]
    dataset = finish(index_manifest(home, "mine", write("path,label,patient", *rows), workers=1))
    assert dataset.notes == [
        "Identical files have opposite labels (1 group of such files).",
        "Identical files have different patients (1 group of such files).",
    ]
    assert dataset.remarks == [
        "Identical files with opposite labels: a.png (benign) and b.png (malignant).",
        "Identical files with different patients: c.png (q) and d.png (r).",
    ]


def test_what_is_missing_stands_in_the_summary_and_in_the_index(home, tmp_path, write):
    for name in "abc":
        Image.fromarray(np.random.default_rng(ord(name)).integers(0, 255, (40, 30), dtype=np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    rows = ["a.png,B,,nan", "b.png,M,0,4", "c.png,M,2,5"]
    dataset = finish(index_manifest(home, "mine", write("path,label,density,birads", *rows), workers=1))
    assert summary(dataset)["missing"] == {"birads": 1, "density": 2}
    assert dataset.about["columns"] == {"path": "path", "label": "label", "birads": "birads", "density": "density"}
    assert dataset.images["density"].isna().tolist() == [True, True, False]


def test_frames_of_one_file_are_one_patient_and_one_film_unless_told_otherwise(write):
    rows = read_manifest(write("path,label,frame", "a.dcm,B,1", "a.dcm,M,2", "b.dcm,B,1")).rows
    assert rows["patient"].tolist() == rows["film"].tolist() == ["a.dcm", "a.dcm", "b.dcm"]
    rows = read_manifest(write("path,label,frame,patient", "a.dcm,B,1,p", "a.dcm,M,2,q")).rows
    assert rows["patient"].tolist() == ["p", "q"]


def test_identical_files_bear_the_names_of_their_classes():
    images = pd.DataFrame({"image": ["a", "b"], "label": ["malignant", "benign"], "patient": ["p", "p"], "digest": "d"})
    assert identical_files(images, ClassNames("dense", "fatty"))[1] == [
        "Identical files with opposite labels: a (dense) and b (fatty)."
    ]


def test_what_names_patients_files_or_cells_stays_with_the_data_set(home, tmp_path):
    """Notes are exported with every sweep in demos, tables and cards; remarks are not."""
    (tmp_path / "seen").mkdir()
    for number, name in enumerate(("smith1", "smith2", "smith2b")):
        pixels = np.random.default_rng(min(number, 1)).integers(0, 255, (40, 30), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "seen" / f"{name}.png")
    rows = ["path,label,Patient_ID,side,place", "seen/smith1,B,0012,Smith,Zürich"]
    rows += ["C:\\pictures\\seen\\smith2.png,M,12,L,", "seen/smith2b.png,B,12,L,", "seen/smith2b.png,Unknown,12,L,"]
    path = tmp_path / "set.csv"
    path.write_bytes("\n".join(rows).encode("cp1252"))
    dataset = finish(index_manifest(home, "mine", path, workers=1, options=ManifestOptions(root=tmp_path)))
    notes, remarks = " ".join(dataset.notes).lower(), " ".join(dataset.remarks).lower()
    assert all(name in remarks for name in ("smith2b", "zürich", "'0012'", "row 2 'smith'"))
    assert not any(name in notes for name in ("smith", "zürich", "0012"))
    assert "identical files have opposite labels" in notes and "leading zeros" in notes
    assert "1 image counts as benign by some of its rows" in notes
