"""Columns under the names that people give them, and what is reported where a name is ambiguous."""

import pytest

from mammo.data.manifest.columns.columns import COLUMNS
from mammo.data.manifest.columns.headers import header_key
from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.errors import MammoError

KNOWN = {
    "path": [
        "Path",
        "file",
        "filename",
        "File Name",
        "file_path",
        "image_path",
        "image file path",
        "image_id",
        "ImageID",
    ],
    "label": ["Label", "pathology", "Diagnosis", "cancer", "Classification", "biopsy_result"],
    "patient": ["patient_id", "PatientID", "Patient ID", "patient-id", "PATIENT_ID", "empi_anon", "study_id", "ID1"],
    "breast": ["laterality", "Side", "ImageLaterality", "left or right breast", "LeftRight"],
    "view": ["view_position", "ViewPosition", "image view", "View"],
    "birads": ["BIRADS", "BI-RADS", "bi_rads", "breast_birads", "assessment"],
    "density": ["breast_density", "Breast Density", "tissueden", "ACR"],
}
CELLS = {"path": "a.png", "label": "M", "patient": "p1", "breast": "L", "view": "cc", "birads": "4", "density": "c"}
VALUES = {
    "path": "a.png",
    "label": "malignant",
    "patient": "p1",
    "breast": "LEFT",
    "view": "CC",
    "birads": 4,
    "density": 3,
}


@pytest.mark.parametrize(("ours", "spelling"), [(ours, name) for ours, names in KNOWN.items() for name in names])
def test_a_usual_name_is_understood_in_any_spelling_and_reported(write, ours, spelling):
    header = [spelling if name == ours else name for name in CELLS]
    manifest = read_manifest(write(",".join(header), ",".join(CELLS.values())))
    assert manifest.rows[ours][0] == VALUES[ours] and manifest.columns[ours] == spelling and manifest.extra == []
    is_reported = any(note == f"Read from columns of other names: {spelling} as {ours}." for note in manifest.remarks)
    assert is_reported == (header_key(spelling) != ours)


def test_the_names_of_all_columns_are_apart():
    corners = ({"xmax", "x1"}, {"ymax", "y1"})  # x1 is the right side where there is an x0, and else the left one
    names = [
        name
        for ours, column in COLUMNS.items()
        for name in (ours, *sum(column.names, ()))
        if {ours, name} not in corners
    ]
    assert len(names) == len(set(names)) and all(name == header_key(name) for name in names)


def test_a_study_stands_for_a_patient_only_where_none_is_named(write):
    manifest = read_manifest(write("path,label,study_id,patient_id", "a,B,s1,p1"))
    assert manifest.rows["patient"].tolist() == ["p1"] and manifest.extra == ["study_id"]
    manifest = read_manifest(write("path,label,study_id", "a,B,s1"))
    assert manifest.rows["patient"].tolist() == ["s1"]
    assert any(
        "study_id stands for them, and a woman with two of those counts twice" in note for note in manifest.notes
    )


def test_two_columns_that_may_both_be_meant_are_named_with_the_flag(write):
    path = write("path,label,patient_id,subject_id", "a,B,1,9", "b,M,2,8")
    with pytest.raises(
        MammoError, match="has the columns patient_id, subject_id; say which it is with --column patient="
    ):
        read_manifest(path)
    assert read_manifest(path, {"patient": "subject_id"}).rows["patient"].tolist() == ["9", "8"]
    same = read_manifest(write("path,label,patient_id,subject_id", "a,B,1,1", "b,M,2,2"))
    assert same.rows["patient"].tolist() == ["1", "2"]
    manifest = read_manifest(write("path,label,laterality,left_right", "a,B,L,R"))
    assert manifest.rows["breast"].tolist() == [""] and set(manifest.extra) == {"laterality", "left_right"}
    assert any(note.startswith("The breast may be laterality or left_right") for note in manifest.remarks)


def test_columns_that_may_name_patients_are_named_where_none_is_known(write):
    manifest = read_manifest(write("path,label,hospital_no,accession", "a,B,1,9", "b,M,2,8"))
    assert manifest.notes[-1] == "Does accession tell whose image it is? Then name it: --column patient=NAME."


def test_three_sides_are_no_box(write):
    manifest = read_manifest(write("path,label,xmin,ymin,xmax", "a,B,1,2,3"))
    assert manifest.rows["xmin"].isna().all()
    assert "There are no boxes: of xmin, ymin, xmax, ymax the file lacks ymax." in manifest.remarks
    half = read_manifest(write("path,label,x1,y1", "a,B,1,2"))
    assert half.rows["xmin"].isna().all() and any("There are no boxes" in remark for remark in half.remarks)


@pytest.mark.parametrize("names", ["x1,y1,x2,y2", "x0,y0,x1,y1", "bbox_xmin,bbox_ymin,bbox_xmax,bbox_ymax"])
def test_a_box_is_known_by_its_corners(write, names):
    boxed = read_manifest(write(f"path,label,{names}", "a,B,1,2,3,4")).rows
    assert boxed[["xmin", "ymin", "xmax", "ymax"]].iloc[0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("cell", "view", "side"),
    [
        ("CC", "CC", ""), ("LCC", "CC", "LEFT"), ("R-MLO", "MLO", "RIGHT"), ("rmlo", "MLO", "RIGHT"), ("LM", "LM", ""),
        ("left cc", "CC", "LEFT"), ("MLO_R", "MLO", "RIGHT"), ("L ML", "ML", "LEFT"), ("RLM", "LM", "RIGHT"),
        ("XCCL", "XCCL", ""), ("LXCCL", "XCCL", "LEFT"), ("L CC R", "L CC R", ""),
        ("right mediolateral oblique", "MLO", "RIGHT"),
        ("spot", "SPOT", ""), ("RCCID", "RCCID", ""),
    ],
)  # fmt: skip
def test_a_view_may_hold_its_side(write, cell, view, side):
    alone = read_manifest(write("path,label,view", f"a,B,{cell}"))
    assert (alone.rows["view"][0], alone.rows["breast"][0]) == (view, side)
    beside = read_manifest(write("path,label,view,side", f"a,B,{cell},L", f"b,M,{cell},"))
    assert beside.rows["breast"].tolist() == ["LEFT", side]
    assert any("names another side" in remark for remark in beside.remarks) == (side == "RIGHT")


def test_a_mapped_name_may_be_spelt_nearly_so(write):
    assert read_manifest(write("path,label,Woman No", "a,B,7"), {"patient": "woman_no"}).rows["patient"][0] == "7"


@pytest.mark.parametrize(
    ("template", "patient"),
    [("{site}-{number}", "A-7"), ("{Number}", "7"), ("{absent|number}", None), ("{empty|number}", "7")],
)
def test_any_column_may_be_a_template_of_others(write, template, patient):
    path = write("path,label,site,number,empty", "a,B,A,7.0,nan")
    if patient is None:
        with pytest.raises(MammoError, match="has no column 'absent'; its columns are: path, label, site"):
            read_manifest(path, {"patient": template})
    else:
        assert read_manifest(path, {"patient": template}).rows["patient"][0] == patient


@pytest.mark.parametrize(
    "template", ["{}", "{number!r}", "{number.real}", "{number:>9}", "{0}", "{number", "a}b", "{{number}}"]
)
def test_a_template_holds_columns_and_nothing_else(write, template):
    path = write("path,label,number", "a,B,7")
    with pytest.raises(MammoError, match=r"has no column|needs columns in braces"):
        read_manifest(path, options=ManifestOptions({"path": template}))
