"""What headers add to a manifest's rows, where the manifest wins, and what is reported."""

import numpy as np
import pandas as pd
import pytest

from mammo.data.files.frame_range import FrameRange, file_of
from mammo.data.files.header.header import Header
from mammo.data.files.raster import Container, Raster, ReadingNote
from mammo.data.files.slabs import read_frames
from mammo.data.manifest.header_columns import ADDED, HeaderUse, apply_headers
from mammo.errors import MammoError


def rows_of(*images: str, **columns) -> pd.DataFrame:
    count = len(images)
    plain = {"breast": [""] * count, "view": [""] * count, "patient": list(images)}
    return pd.DataFrame({"image": images, "path": [file_of(image) for image in images], **plain, **columns})


def test_empty_cells_are_filled_and_reported_and_full_ones_stay():
    rows = rows_of("a", "b", "c", breast=["", "LEFT", "RIGHT"], view=["", "CC", ""])
    headers = {
        "a": Header(breast="RIGHT", view="MLO"),
        "b": Header(breast="RIGHT", view="CC"),
        "c": Header(breast="RIGHT", view="CC", by_orientation="view"),
    }
    facts = apply_headers(rows, headers, names_patients=False)
    assert list(facts.rows["breast"]) == ["RIGHT", "LEFT", "RIGHT"]
    assert list(facts.rows["view"]) == ["MLO", "CC", "CC"]
    assert facts.remarks == [
        "The side of 1 image is from its header.",
        "The side of 1 image is another in its header (b: LEFT, its header says RIGHT); the manifest's is kept.",
        "The view of 2 images is from their headers, 1 by the patient's orientation alone.",
    ]
    assert list(rows["breast"]) == ["", "LEFT", "RIGHT"]


def test_findings_of_one_image_count_once():
    facts = apply_headers(rows_of("a", "a", "a"), {"a": Header(breast="LEFT")}, names_patients=False)
    assert list(facts.rows["breast"]) == ["LEFT"] * 3
    assert facts.remarks == ["The side of 1 image is from its header."]


@pytest.mark.parametrize(("ours", "header_view"), [("CC", "CC"), ("MCC", "CC"), ("L-CC VIEW", "CC"), ("AT", "MLO")])
def test_views_in_other_words_contradict_nothing(ours, header_view):
    facts = apply_headers(rows_of("a", view=[ours]), {"a": Header(view=header_view)}, names_patients=False)
    assert facts.remarks == [] and list(facts.rows["view"]) == [ours]
    differing = apply_headers(rows_of("a", view=["MLO"]), {"a": Header(view="CC")}, names_patients=False)
    assert len(differing.remarks) == 1


def test_columns_are_added_only_where_a_header_has_them():
    rows = rows_of("a", "b")
    assert list(apply_headers(rows, {}, False).rows) == list(rows)
    assert list(apply_headers(rows, {"a": Header(), "b": Header()}, False).rows) == list(rows)
    header = Header(maker="M", model="X", spacing_mm=0.07, spacing_kind="detector", implant="no")
    facts = apply_headers(rows, {"a": header, "b": Header()}, False)
    assert facts.extra == ["spacing_mm", "spacing_kind", "maker", "model", "implant"]
    assert list(facts.rows["maker"]) == ["M", ""] and facts.rows["spacing_mm"][0] == 0.07
    assert np.isnan(facts.rows["spacing_mm"][1]) and facts.rows["spacing_mm"].dtype == np.float64
    assert facts.remarks == ["From the headers of 1 image: spacing_mm, spacing_kind, maker, model, implant."]
    assert set(facts.extra) <= set(ADDED)


def test_a_manifests_own_column_of_that_name_is_kept():
    facts = apply_headers(rows_of("a", implant=["1"]), {"a": Header(implant="no")}, names_patients=False)
    assert list(facts.rows["implant"]) == ["1"] and facts.extra == []
    assert facts.remarks == ["Headers tell implant too; the manifest's own column of that name is kept."]


def test_views_that_are_not_plain_are_counted():
    headers = {"a": Header(view_modifier="magnified+spot"), "b": Header(view_modifier="spot"), "c": Header()}
    facts = apply_headers(rows_of("a", "b", "c"), headers, names_patients=False)
    assert "2 images are no plain views (2 spot, 1 magnified; such as a); view_modifier tells which." in facts.remarks


def test_pixels_for_processing_are_never_taken_in_silence():
    headers = {"a": Header(intent="processing"), "b": Header(intent="presentation"), "c": Header()}
    facts = apply_headers(rows_of("a", "b", "c"), headers, names_patients=False)
    assert facts.notes[0].startswith("1 of 3 images is FOR PROCESSING") and not facts.aside
    assert "FOR PROCESSING is a." in facts.remarks
    without_raw = apply_headers(
        rows_of("a", "b", "c"), headers, names_patients=False, use=HeaderUse(intent="presentation")
    )
    assert list(without_raw.aside) == ["a"] and without_raw.notes == []
    raw = apply_headers(rows_of("a", "b", "c"), headers, names_patients=False, use=HeaderUse(intent="processing"))
    assert list(raw.aside) == ["b"] and len(raw.notes) == 1
    with pytest.raises(MammoError, match="no intent 'screening'; choose one of: any, presentation, processing"):
        HeaderUse(intent="screening")


def test_patients_of_headers_are_offered_and_taken_only_where_asked_for():
    rows = rows_of("a", "b", "c", "d")
    headers = {"a": Header(patient="P1"), "b": Header(patient="P1"), "c": Header(patient="P2"), "d": Header()}
    facts = apply_headers(rows, headers, names_patients=False)
    assert list(facts.rows["patient"]) == ["a", "b", "c", "d"]
    assert (
        len(facts.notes) == 1 and "3 images name 2 patients" in facts.notes[0] and "--header-patients" in facts.notes[0]
    )
    assert "P1" not in "".join(facts.notes)
    with_patients = apply_headers(rows, headers, names_patients=False, use=HeaderUse(patients=True))
    assert list(with_patients.rows["patient"]) == ["P1", "P1", "P2", "d"]
    assert "2 in all; 1 image whose header names none counts as a patient of its own" in with_patients.notes[0]


@pytest.mark.parametrize("names", [["ANON"] * 3, ["X", "Y", "Z"], ["Q"] * 3, ["", "0", "unknown"]])
def test_names_that_group_nothing_are_not_offered(names):
    headers = {image: Header(patient=name or None) for image, name in zip("abc", names, strict=True)}
    assert apply_headers(rows_of("a", "b", "c"), headers, names_patients=False).notes == []


def test_a_manifests_patients_win_and_contradictions_are_reported():
    rows = rows_of("a", "b", "c", "d", patient=["1", "2", "3", "3"])
    headers = {image: Header(patient=name) for image, name in zip("abcd", ["P8", "P8", "Y", "Z"], strict=True)}
    facts = apply_headers(rows, headers, names_patients=True, use=HeaderUse(patients=True))
    assert list(facts.rows["patient"]) == ["1", "2", "3", "3"]
    assert len(facts.notes) == 1 and "joins 2 of the manifest's patients into 1" in facts.notes[0]
    first, second = facts.remarks
    assert first == "The patients 1 and 2 are one, P8, in their images' headers."
    assert second.startswith("1 of the manifest's patients has several PatientIDs in its images' headers (3: Y, Z)")
    agreeing = {image: Header(patient=name) for image, name in zip("abcd", ["P8", "Y", "Z", "Z"], strict=True)}
    facts = apply_headers(rows, agreeing, names_patients=True)
    assert (facts.notes, facts.remarks) == ([], [])


def test_a_patient_id_on_all_images_identifies_no_patient():
    rows = rows_of(*"abcdef", patient=list("123456"))
    facts = apply_headers(rows, {image: Header(patient="SITE7") for image in "abcdef"}, names_patients=True)
    assert facts.notes == []
    assert facts.remarks == ["The PatientID SITE7 stands on images of 6 patients: it is nobody's name."]


@pytest.mark.parametrize(
    ("cell", "first", "last", "text"),
    [("", 0, 0, ""), ("20", 20, 20, "20"), ("20.0", 20, 20, "20"), ("20-25", 20, 25, "20-25"), ("3 – 4", 3, 4, "3-4")],
)
def test_a_cell_names_a_frame_or_a_slab(cell, first, last, text):
    frames = FrameRange.parse(cell)
    assert (frames.first, frames.last, str(frames)) == (first, last, text)
    assert file_of("a.dcm" + frames.suffix) == "a.dcm"
    assert FrameRange.parse(str(frames)) == frames


@pytest.mark.parametrize("cell", ["0", "-3", "5-2", "1-500", "10001", "all", "1,2", "1.5"])
def test_other_cells_name_no_frame(cell):
    with pytest.raises(ValueError, match="frame"):
        FrameRange.parse(cell)


def test_a_slab_is_the_mean_of_its_frames(tmp_path):
    stack = np.random.default_rng(1).integers(0, 2**16, (9, 5, 4), dtype=np.uint16)
    note = ReadingNote("rule", "as read")

    def read(_, number):
        return Raster(stack[number - 1], 16, container=Container(), notes=(note,))

    slab = read_frames(tmp_path, FrameRange(3, 6), read)
    exact = stack[2:6].astype(float).mean(axis=0)
    assert np.array_equal(slab.pixels, np.floor(exact + 0.5)) and slab.pixels.dtype == np.uint16
    assert (slab.bits, slab.container, slab.notes) == (16, Container(), (note,))
    assert np.array_equal(read_frames(tmp_path, FrameRange(4, 4), read).pixels, stack[3])


def test_frames_of_different_depth_make_no_slab(tmp_path):
    def read(_, number):
        return Raster(np.zeros((2, 2), np.uint16), 10 + 2 * number)

    with pytest.raises(MammoError, match="frames 1 and 2 differ"):
        read_frames(tmp_path, FrameRange(1, 2), read)
