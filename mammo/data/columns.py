"""The columns of a manifest that are understood, and how each reads its cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from pathlib import PurePosixPath
from typing import Any

from mammo.data.frame_range import FrameRange

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
PARTS |= {"validation": "validation", "val": "validation", "valid": "validation", "dev": "validation"}
SIDES = {"l": "LEFT", "left": "LEFT", "r": "RIGHT", "right": "RIGHT"}
DENSITIES = {"a": 1, "b": 2, "c": 3, "d": 4}
FINDINGS = {"mass": "mass", "calc": "calc", "calcification": "calc", "calcifications": "calc"}
BOX = ("xmin", "ymin", "xmax", "ymax")
MOST_PIXELS = 100_000


@dataclass(frozen=True)
class Column:
    """A column that is understood: `parse` turns a stripped, non-empty cell into its value or raises ValueError."""

    description: str
    parse: Callable[[str], Any]
    missing: Any = None


def _one_of(known: Mapping[str, Any]) -> Callable[[str], Any]:
    def parse(cell: str) -> Any:
        if cell.lower() in known:
            return known[cell.lower()]
        raise ValueError(f"is none of {', '.join(known)}")

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        number = float(cell) if re.fullmatch(r"-?\d+(\.0*)?", cell) else None
        if number is None or not low <= number <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(number)

    return parse


def _file(cell: str) -> str:
    if "\0" in cell:
        raise ValueError("can name no file")
    return str(PurePosixPath(cell))


def _pixels(rounded: Callable[[float], int]) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        number = float(cell) if re.fullmatch(r"-?\d{1,6}(\.\d*)?", cell) else None
        if number is None or not 0 <= rounded(number) <= MOST_PIXELS:
            raise ValueError(f"is not a number of pixels from 0 to {MOST_PIXELS}")
        return rounded(number)

    return parse


def _birads(cell: str) -> int:
    told = re.fullmatch(r"(?:bi-?rads)?\s*([0-6])(?:\.0*|(?<=4)[abc])?", cell, re.IGNORECASE)
    if told is None:
        raise ValueError("is not a BI-RADS assessment from 0 to 6")
    return int(told[1])


def _density(cell: str) -> int:
    told = re.sub(r"^(density|acr|bi-?rads)\s*", "", cell.lower())
    return DENSITIES[told] if told in DENSITIES else _whole(1, 4)(told)


COLUMNS: dict[str, Column] = {
    "path": Column("the image file, relative to the CSV's folder or absolute", _file),
    "label": Column("malignant or benign, in your own words (--positive)", str),
    "patient": Column("whose image it is; images of one patient never straddle a split", str),
    "breast": Column("left or right", _one_of(SIDES), ""),
    "view": Column("CC, MLO or another", str.upper, ""),
    "film": Column("the physical film or exposure, where one is listed twice", str),
    "split": Column("train, validation or test, for the split protocol `manifest`", _one_of(PARTS)),
    "mask": Column("the file of the finding's mask", _file),
    **{
        name: Column(f"the finding's box in pixels: its {name}", _pixels(rounded))
        for name, rounded in zip(BOX, (floor, floor, ceil, ceil), strict=True)
    },
    "frame": Column(
        "which frame of a multi-frame file, from 1, or which slab (20-25: their mean)",
        lambda cell: str(FrameRange.parse(cell)),
        "",
    ),
    "abnormality": Column("mass or calc", lambda cell: FINDINGS.get(cell.lower(), cell), ""),
    "birads": Column("the reader's assessment, 0 to 6", _birads),
    "density": Column("1 to 4 or A to D", _density),
    "subtlety": Column("1 (subtle) to 5 (obvious)", _whole(1, 5)),
}
NEEDED = ("path", "label")
NUMBERS = (*BOX, "birads", "density", "subtlety")
