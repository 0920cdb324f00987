"""The columns of a manifest that are understood: how their cells are parsed, and the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mammo.data.files.frame_range import FrameRange
from mammo.data.manifest.words.projections import SIDES, read_projection
from mammo.data.manifest.words.scales import BIRADS, DENSITY, ClinicalScale
from mammo.data.manifest.words.words import identity, word_key

PARTS = {"train": "train", "training": "train", "trn": "train", "test": "test", "testing": "test", "tst": "test"}
PARTS |= {"validation": "validation", "val": "validation", "valid": "validation", "dev": "validation"}
FINDINGS = {"mass": "mass", "masses": "mass", "calc": "calc", "calcification": "calc", "calcifications": "calc"}
BOX = ("xmin", "ymin", "xmax", "ymax")
MOST_PIXELS = 100_000
REDUNDANT = re.compile(r"//|(?:^|/)\.(?:/|$)|/$")
"""Redundant parts of a path: doubled slashes, `.` folders and a slash at the end."""

Names = tuple[tuple[str, ...], ...]
"""Names of a column, the most certain first; the names of one inner tuple are equally certain."""


@dataclass(frozen=True)
class Column:
    """A column that is understood.

    `parse` turns a trimmed cell that is not missing into its value, or raises ValueError with the reason. `names` are
    further names that are recognised without being mapped, in the form of `headers.header_key`.
    """

    description: str
    parse: Callable[[str], Any]
    missing: Any = None
    names: Names = ()


def _choice(words: Mapping[str, str]) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if word_key(cell) in words:
            return words[word_key(cell)]
        raise ValueError(f"is none of {', '.join(words)}")

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        text = identity(cell)
        if not re.fullmatch(r"-?\d{1,18}", text) or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _file(cell: str) -> str:
    if "\0" in cell:
        raise ValueError("can name no file")
    return str(PurePosixPath(cell)) if REDUNDANT.search(cell) else cell


def _pixels(cell: str) -> float:
    text = cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell
    number = float(text) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,2})?", text, re.IGNORECASE) else None
    if number is None or abs(number) > MOST_PIXELS:
        raise ValueError(f"is not a number of pixels up to {MOST_PIXELS}")
    return number


def _scale(scale: ClinicalScale, description: str) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        value = scale.read(cell)
        if value is None:
            raise ValueError(f"is not {description}")
        return value

    return parse


COLUMNS: dict[str, Column] = {
    "path": Column(
        "the image file, relative to the CSV's folder (--root) or absolute; a template may be mapped to it",
        _file,
        names=(
            ("file", "filename", "filepath", "imagepath", "imagefile", "imagefilename", "imagefilepath", "imgpath"),
            ("dicompath", "anondicompath", "dcmpath", "dicomfile", "pngpath", "fullpath", "image", "img"),
            ("imageid", "imagename", "imgname", "imgid", "dicomid", "sopinstanceuid", "refnum"),
        ),
    ),
    "label": Column(
        "malignant or benign, in your own words (--positive, --negative, --drop)",
        str,
        names=(
            ("labels", "pathology", "diagnosis", "cancer", "iscancer", "malignant", "ismalignant", "malignancy"),
            ("biopsyresult", "classification", "class", "groundtruth", "groundtruthlabel", "cancerlabel"),
            ("target", "outcome", "status"),
        ),
    ),
    "patient": Column(
        "the patient of the image; images of one patient never stand on both sides of a split",
        identity,
        names=(
            ("patientid", "patientnumber", "patientno", "anonpatientid", "subject", "subjectid", "empianon", "woman"),
            ("womanid", "personid", "clientid", "participantid", "pid", "id1", "mrn", "case", "caseid"),
            ("studyid", "examid", "studyinstanceuid"),
        ),
    ),
    "breast": Column(
        "left or right",
        _choice(SIDES),
        "",
        (("laterality", "imagelaterality", "imagelateralityfinal", "leftright", "leftorrightbreast"), ("side",)),
    ),
    "view": Column(
        "CC, MLO or another, with the side before or behind it where there is one: LCC, R-MLO",
        lambda cell: read_projection(cell)[0],
        "",
        (("viewposition", "imageview", "viewpos", "viewname", "projection", "mammoview"),),
    ),
    "film": Column("the physical film or exposure, where one is listed twice", identity, names=(("filmid",),)),
    "split": Column(
        "train, validation or test, for the split protocol `manifest`",
        _choice(PARTS),
        names=(("datasplit", "datasetsplit", "partition", "subset", "traintest", "set"),),
    ),
    "mask": Column(
        "the file of the finding's mask",
        _file,
        names=(("maskpath", "maskfile", "maskfilepath", "roimask", "roimaskpath", "roimaskfilepath"),),
    ),
    "xmin": Column("the finding's box in pixels: its xmin", _pixels, names=(("bboxxmin", "boxxmin"), ("x0",), ("x1",))),
    "ymin": Column("the finding's box in pixels: its ymin", _pixels, names=(("bboxymin", "boxymin"), ("y0",), ("y1",))),
    "xmax": Column("the finding's box in pixels: its xmax", _pixels, names=(("bboxxmax", "boxxmax"), ("x2",), ("x1",))),
    "ymax": Column("the finding's box in pixels: its ymax", _pixels, names=(("bboxymax", "boxymax"), ("y2",), ("y1",))),
    "frame": Column(
        "which frame of a multi-frame file, from 1, or which slab (20-25: their mean)",
        lambda cell: str(FrameRange.parse(cell)),
        "",
        (("framenumber", "frameno", "imageframe", "frames", "slice", "slicenumber", "slab"),),
    ),
    "abnormality": Column(
        "mass or calc",
        lambda cell: FINDINGS.get(word_key(cell), cell),
        "",
        (("abnormalitytype", "lesiontype", "findingtype"),),
    ),
    "birads": Column(
        "the reader's assessment, 0 to 6, as people write it: 4A, BI-RADS 4, birads_4",
        _scale(BIRADS, "a BI-RADS assessment from 0 to 6"),
        names=(
            ("biradsscore", "biradscategory", "biradsassessment", "breastbirads", "imagebirads"),
            ("assessment", "findingbirads", "lesionbirads"),
        ),
    ),
    "density": Column(
        "1 to 4 or A to D, as people write it: ACR-C, Type C, heterogeneously dense",
        _scale(DENSITY, "a breast density, 1 to 4 or A to D"),
        names=(
            ("breastdensity", "densitycategory", "biradsdensity", "acrdensity", "breastcomposition"),
            ("tissuedensity", "tissueden", "acr", "tissue", "backgroundtissue"),
        ),
    ),
    "subtlety": Column("1 (subtle) to 5 (obvious)", _whole(1, 5)),
}
NEEDED = ("path", "label")
NUMBERS = ("birads", "density", "subtlety")
"""Columns of whole numbers, in addition to those of `BOX`."""
SILENT = {"path", "label", "patient", "film", "mask", "frame", *BOX}
"""Columns whose empty cells do not count as missing values: the row is set aside, or the cell may be empty."""
INSTEAD = {"studyid", "examid", "studyinstanceuid"}
"""Names that stand for a patient only where the file has no patient column: a woman may have several of these."""
