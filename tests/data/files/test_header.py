"""Side, view, spacing, device, patient and intent from DICOM headers; odd values are ignored."""

import struct
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr._snomed_dict import mapping
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammo.data.files.header import codes
from mammo.data.files.header.header import Header, header_of, parse_view, read_header

PRESENTATION, PROCESSING = UID("1.2.840.10008.5.1.4.1.1.1.2"), UID("1.2.840.10008.5.1.4.1.1.1.2.1")
TOMOSYNTHESIS = UID("1.2.840.10008.5.1.4.1.1.13.1.3")


def tags(**values) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


def code(value: str, scheme: str = "SCT", **attributes) -> Dataset:
    return tags(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="as written", **attributes)


def sequence(*items: Dataset) -> Sequence:
    return Sequence(items)


def save(path: Path, data: Dataset, syntax=ExplicitVRLittleEndian, **options) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = PRESENTATION, UID("1.2.3")
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    pydicom.dcmwrite(path, data, enforce_file_format=True, **options)
    return path


def test_a_mammogram_tells_all_there_is_to_tell(tmp_path):
    data = tags(
        SOPClassUID=PRESENTATION,
        PresentationIntentType="FOR PRESENTATION",
        Manufacturer="HOLOGIC, Inc.",
        ManufacturerModelName="Selenia Dimensions",
        PatientID="P 17",
        BreastImplantPresent="NO",
        SeriesInstanceUID="1.2.3.4",
        ImageLaterality="R",
        ViewPosition="MLO",
        ImagerPixelSpacing=[0.07, 0.07],
        EstimatedRadiographicMagnificationFactor="1.04",
        Rows=4,
        Columns=3,
    )
    data.add_new("PixelData", "OW", b"\0" * 24)
    header = read_header(save(tmp_path / "a.dcm", data))
    assert header == Header(
        breast="RIGHT", view="MLO", spacing_mm=0.07, spacing_kind="detector", magnification=1.04,
        maker="HOLOGIC, Inc.", model="Selenia Dimensions", patient="P 17", intent="presentation", implant="no",
        series="1.2.3.4", object_kind="mammogram", rows=4, columns=3,
    )  # fmt: skip
    assert Header.from_text(header.to_text()) == header
    assert Header().to_text() == "" and Header.from_text("") == Header()


@pytest.mark.parametrize("kind", ["VIEW_CODES", "MODIFIER_CODES", "REGIONS"])
def test_old_and_new_codes_of_one_thing_say_the_same(kind):
    """pydicom's own list pairs the codes of SNOMED RT with those of SNOMED CT."""
    table = getattr(codes, kind)
    old = {value: name for value, name in table.items() if not value.isdigit() and not value.startswith("Y-")}
    assert {table[mapping["SRT"][value]]: name for value, name in old.items()} == {name: name for name in old.values()}
    assert len(old) == sum(value.isdigit() for value in table)
    assert mapping["SRT"]["G-8310"] in codes.SPECIMEN_CODES


@pytest.mark.parametrize("value", ["399162004", "R-10242"])
def test_the_view_code_tells_the_view_and_its_modifiers(value):
    modifiers = sequence(code("R-102D7", "SRT"), code("399163009"))
    header = header_of(tags(ViewCodeSequence=sequence(code(value, ViewModifierCodeSequence=modifiers))))
    assert (header.view, header.view_modifier) == ("CC", "magnified+spot")


def test_a_specimen_has_no_view():
    header = header_of(tags(ViewCodeSequence=sequence(code("G-8310", "SRT")), PatientOrientation=["A", "R"]))
    assert (header.view, header.view_modifier) == (None, "specimen")


@pytest.mark.parametrize(
    ("word", "view", "modifiers"),
    [
        ("CC", "CC", set()),
        ("mlo", "MLO", set()),
        ("XCCL", "XCCL", set()),
        ("XCCM", "XCCM", set()),
        ("MCC", "CC", {"magnified"}),
        ("CCM", "CC", {"magnified"}),
        ("MLOM", "MLO", {"magnified"}),
        ("S-MLO", "MLO", {"spot"}),
        ("MSCC", "CC", {"magnified", "spot"}),
        ("CCID", "CC", {"implant-displaced"}),
        ("MLO ID", "MLO", {"implant-displaced"}),
        ("CCRL", "CC", {"rolled-lateral"}),
        ("AT", "AT", {"axillary-tail"}),
        ("CV", "CV", {"cleavage"}),
        ("SPECIMEN", None, {"specimen"}),
        ("LATERAL", None, set()),
        ("", None, set()),
    ],
)
def test_view_positions_are_read_with_what_stands_before_and_behind(word, view, modifiers):
    assert parse_view(word) == (view, modifiers)


def test_pictures_of_a_stereotactic_biopsy_are_called_stereo():
    header = header_of(tags(ImageType=["ORIGINAL", "PRIMARY", "STEREO_MINUS"], ViewPosition="CC"))
    assert (header.view, header.view_modifier) == ("CC", "stereo")


def test_a_large_magnification_is_a_magnified_view():
    assert header_of(tags(EstimatedRadiographicMagnificationFactor="1.8")).view_modifier == "magnified"
    assert header_of(tags(EstimatedRadiographicMagnificationFactor="1.07")).view_modifier is None


@pytest.mark.parametrize(
    ("values", "side"),
    [
        ({"ImageLaterality": "L"}, "LEFT"),
        ({"Laterality": "R"}, "RIGHT"),
        ({"ImageLaterality": "L", "Laterality": "R"}, "LEFT"),
        ({"ImageLaterality": "B", "Laterality": "R"}, None),
        ({"ImageLaterality": "", "Laterality": "R"}, "RIGHT"),
        ({"AnatomicRegionSequence": [code("T-04030", "SRT")]}, "LEFT"),
        ({"AnatomicRegionSequence": [code("73056007")]}, "RIGHT"),
        ({"AnatomicRegionSequence": [code("T-04000", "SRT")]}, None),
    ],
)
def test_the_side_is_the_one_of_the_nearest_tag(values, side):
    assert header_of(tags(**values)).breast == side


@pytest.mark.parametrize(
    ("orientation", "side", "view"),
    [
        (["A", "R"], "LEFT", "CC"),
        (["P", "L"], "RIGHT", "CC"),
        (["A", "FR"], "LEFT", "MLO"),
        (["P", "FL"], "RIGHT", "MLO"),
        (["A", "F"], None, None),
        (["A", "L"], None, "CC"),
        (["L", "F"], None, None),
        ("CC", None, None),
    ],
)
def test_the_patients_orientation_is_the_last_resort_and_said_to_be(orientation, side, view):
    header = header_of(tags(PatientOrientation=orientation))
    assert (header.breast, header.view) == (side, view)
    assert header.by_orientation == ("+".join(filter(None, [side and "breast", view and "view"])) or None)
    explicit = header_of(tags(PatientOrientation=orientation, ViewPosition="ML", ImageLaterality="R"))
    assert (explicit.breast, explicit.view, explicit.by_orientation) == ("RIGHT", "ML", None)


@pytest.mark.parametrize(
    ("values", "spacing", "kind"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.1]}, 0.1, "detector"),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.1, 0.1]}, 0.1, "detector"),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.09, 0.09]}, 0.1, "detector"),
        (
            {"ImagerPixelSpacing": [0.1] * 2, "PixelSpacing": [0.09] * 2, "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.09,
            "fiducial",
        ),
        (
            {"ImagerPixelSpacing": [0.1] * 2, "PixelSpacing": [0.09] * 2, "PixelSpacingCalibrationType": "GEOMETRY"},
            0.09,
            "geometry",
        ),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, 0.05, "detector"),
        ({"PixelSpacing": [0.085, 0.085]}, 0.085, "none"),
        ({"PixelSpacing": [0.085, 0.17]}, None, None),
        ({"PixelSpacing": [0, 0]}, None, None),
        ({"PixelSpacing": [1000, 1000]}, None, None),
        ({}, None, None),
    ],
)
def test_a_spacing_is_kept_with_its_kind(values, spacing, kind):
    header = header_of(tags(**values))
    assert (header.spacing_mm, header.spacing_kind) == (spacing, kind)


def test_the_intent_is_told_by_the_tag_or_by_the_class():
    assert header_of(tags(SOPClassUID=PROCESSING)).intent == "processing"
    assert header_of(tags(SOPClassUID=PRESENTATION, PresentationIntentType="FOR PROCESSING")).intent == "processing"
    assert header_of(tags(Modality="MG")).intent is None


def test_the_frame_is_told_by_its_own_functional_groups_before_those_of_all_frames():
    def anatomy(side: str) -> Dataset:
        return tags(FrameAnatomySequence=[tags(FrameLaterality=side)])

    shared = tags(
        PixelMeasuresSequence=[tags(PixelSpacing=[0.1, 0.1])], FrameAnatomySequence=[tags(FrameLaterality="L")]
    )
    data = tags(
        SOPClassUID=TOMOSYNTHESIS,
        NumberOfFrames=3,
        ViewCodeSequence=[code("399368009")],
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[tags(), anatomy("R"), tags()],
    )
    sides = [header_of(data, frame).breast for frame in (0, 1, 2, 3)]
    assert sides == ["LEFT", "LEFT", "RIGHT", "LEFT"]
    header = header_of(data, 2)
    assert (header.view, header.frames, header.object_kind) == ("MLO", 3, "tomosynthesis")
    assert (header.spacing_mm, header.spacing_kind) == (0.1, "geometry")


@pytest.mark.parametrize(
    "values",
    [
        {"ImageLaterality": ["L", "R"], "ViewPosition": ["CC", "MLO"], "Manufacturer": ["A", "B"]},
        {"ImageLaterality": "", "ViewPosition": None, "PatientID": "  ", "Manufacturer": ""},
        {"ImageLaterality": "LEFTISH", "ViewPosition": "Ж", "PresentationIntentType": "perhaps"},
        {"ViewCodeSequence": [], "AnatomicRegionSequence": [tags()], "ImagerPixelSpacing": None},
        {"Manufacturer": "x" * 65, "PatientID": "a\x07b", "ImagerPixelSpacing": ["0.1", "0.1", "0.1"]},
        {"ViewCodeSequence": [code("399162004"), code("399368009")]},
    ],
    ids=["several", "empty", "unknown", "no items", "long and unprintable", "two views"],
)
def test_odd_values_tell_nothing(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = tags(**values)
    assert header_of(data) == Header()


def element(keyword: str, vr: str, value: bytes) -> bytes:
    """Return an element as in a file of explicit VR, whatever its tag requires."""
    tag, value = pydicom.tag.Tag(keyword), value + b" " * (len(value) % 2)
    length = struct.pack("<xxL" if vr in ("OB", "UN") else "<H", len(value))
    return struct.pack("<HH", tag.group, tag.element) + vr.encode() + length + value


def test_values_of_another_kind_or_of_no_meaning_tell_nothing_and_raise_nothing(tmp_path):
    path = save(tmp_path / "odd.dcm", Dataset())
    values = [
        element("Manufacturer", "UN", b"\x80\x81"),
        element("PatientID", "LO", b"\xff\x00\x07\xe0"),
        element("EstimatedRadiographicMagnificationFactor", "DS", b"1.8.3"),
        element("ImagerPixelSpacing", "DS", b"0,07\\0,07"),
        element("ViewPosition", "OB", b"\xff\xfe\x00\x01"),
        element("PatientOrientation", "FD", b"\0" * 16),
        element("ImageLaterality", "US", b"\x01\x00"),
        element("NumberOfFrames", "IS", b"many"),
        element("Rows", "US", b"\x02\x00"),
        element("PixelSpacing", "DS", b"nan\\inf"),
        element("ViewCodeSequence", "LO", b"CC"),
    ]
    path.write_bytes(path.read_bytes() + b"".join(values))
    assert read_header(path) == Header(rows=2)


def test_a_name_in_another_script_is_kept(tmp_path):
    header = read_header(save(tmp_path / "a.dcm", tags(SpecificCharacterSet="ISO_IR 192", Manufacturer="Médical Ω")))
    assert header.maker == "Médical Ω"


def test_files_that_are_no_dicom_or_damaged_tell_nothing(tmp_path):
    content = save(tmp_path / "a.dcm", tags(ImageLaterality="L", ViewPosition="CC", Manufacturer="M")).read_bytes()
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    (tmp_path / "empty.dcm").write_bytes(b"")
    for path in (tmp_path / "b.png", tmp_path / "empty.dcm", tmp_path / "none.dcm", tmp_path):
        assert read_header(path) == Header()
    rng = np.random.default_rng(0)
    for number in range(300):
        bytes_ = bytearray(content[: rng.integers(1, len(content))] if number % 3 == 0 else content)
        for offset in rng.integers(0, len(bytes_), 5):
            bytes_[offset] = rng.integers(256)
        (tmp_path / "c.dcm").write_bytes(bytes_)
        assert isinstance(read_header(tmp_path / "c.dcm"), Header)


def test_a_deflated_file_is_not_inflated_for_its_header(tmp_path):
    path = save(tmp_path / "a.dcm", tags(ImageLaterality="L"), DeflatedExplicitVRLittleEndian)
    assert read_header(path) == Header()


def test_a_file_without_preamble_tells_as_much(tmp_path):
    data = tags(SOPClassUID=PRESENTATION, ImageLaterality="L", ViewPosition="CC")
    path = tmp_path / "bare.dcm"
    pydicom.dcmwrite(path, data, implicit_vr=True, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    assert (read_header(path).breast, read_header(path).view) == ("LEFT", "CC")
    path = save(tmp_path / "whole.dcm", tags(ImageLaterality="R"), ImplicitVRLittleEndian)
    assert read_header(path).breast == "RIGHT"
