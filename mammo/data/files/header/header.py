"""The information of a DICOM header about a mammogram, beside its pixels."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.data.files.dicom.opening import open_dicom
from mammo.data.files.header import codes
from mammo.data.files.header.values import (
    codes_of,
    first_value,
    integer_of,
    items_of,
    number_of,
    spacing_of,
    text_of,
    value_of,
    word_of,
    words_of,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAGNIFYING = 1.3
"""The EstimatedRadiographicMagnificationFactor from which a view counts as magnified; a breast on the detector has
up to 1.1, magnification stands 1.5 to 2."""


@dataclass(frozen=True)
class Header:
    """The information of a DICOM header about one image; None where it is missing or invalid.

    `breast` is LEFT or RIGHT, `view` an abbreviation of `codes.VIEWS` or `codes.REPLACEMENTS`, `view_modifier` the
    sorted names of all modifiers joined by "+". `spacing_mm` is the distance of two pixels and `spacing_kind` says
    where: at the `detector` (or on the scanned film), in the breast by a `fiducial` or by the `geometry` of the
    exposure, or `none` if the header does not say. `magnification` is that of the exposure. `by_orientation` names
    the fields that only PatientOrientation gave. `object_kind` says what was imaged, `intent` whether the pixels are
    for presentation or processing.
    """

    breast: str | None = None
    view: str | None = None
    view_modifier: str | None = None
    spacing_mm: float | None = None
    spacing_kind: str | None = None
    magnification: float | None = None
    maker: str | None = None
    model: str | None = None
    patient: str | None = None
    intent: str | None = None
    implant: str | None = None
    series: str | None = None
    object_kind: str | None = None
    frames: int | None = None
    rows: int | None = None
    columns: int | None = None
    by_orientation: str | None = None

    @property
    def device(self) -> str:
        """The device and the kind of image in a few words: films of one device have one depth."""
        kind = self.object_kind if self.object_kind not in ("mammogram", "secondary capture") else None
        raw = "for processing" if self.intent == codes.PROCESSING else None
        return ", ".join(filter(None, [" ".join(filter(None, [self.maker, self.model])), kind, raw]))

    def to_text(self) -> str:
        """Return all fields that are set, as JSON in one line; empty where there are none."""
        fields = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return json.dumps(fields, ensure_ascii=False) if fields else ""

    @classmethod
    def from_text(cls, text: str) -> Header:
        """Read the header from the text that `to_text` returns."""
        return cls(**json.loads(text)) if text else cls()


def read_header(path: Path, frame: int = 0) -> Header:
    """Read the header of a file for `frame` (from 1; 0 is the only one, or the entire file), without the pixels.

    Never raises: the header of a damaged file, or of one that is no DICOM, is empty.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open_dicom(path) as file:
                return header_of(file.dataset, frame)
        except Exception:  # damaged files raise many kinds
            return Header()


def header_of(dataset: Dataset, frame: int = 0) -> Header:
    """Return the header of `frame` from a data set; the frame's functional groups override those of all frames."""
    frames = integer_of(value_of(dataset, "NumberOfFrames")) or 1
    sources = list(_tag_sources(dataset, frame - 1 if frame else 0 if frames == 1 else None))
    intent = word_of(value_of(dataset, "PresentationIntentType")).replace("_", " ")
    kind, class_intent = codes.CLASSES.get(text_of(value_of(dataset, "SOPClassUID")) or "", (None, None))
    types = words_of(value_of(dataset, "ImageType"))[2:]
    orientation = words_of(value_of(dataset, "PatientOrientation"))
    side, hanging_side = _side(sources), _side_by_hanging(orientation)
    view, modifiers = _view(sources, types)
    oriented_view = _view_by_orientation(orientation) if not view and "specimen" not in modifiers else None
    magnification = number_of(first_value(sources, "EstimatedRadiographicMagnificationFactor"), 0.5, 10)
    modifiers |= {"magnified"} if (magnification or 1) >= MAGNIFYING else set()
    spacing_mm, spacing_kind = _spacing(sources, tomosynthesis=kind == "tomosynthesis")
    by_orientation = [name for name, value in (("breast", not side and hanging_side), ("view", oriented_view)) if value]
    return Header(
        breast=side or hanging_side,
        view=view or oriented_view,
        view_modifier="+".join(sorted(modifiers)) or None,
        spacing_mm=spacing_mm,
        spacing_kind=spacing_kind,
        magnification=magnification,
        maker=text_of(value_of(dataset, "Manufacturer")),
        model=text_of(value_of(dataset, "ManufacturerModelName")),
        patient=text_of(value_of(dataset, "PatientID")),
        intent=codes.INTENTS.get(intent, class_intent),
        implant=codes.IMPLANTS.get(word_of(value_of(dataset, "BreastImplantPresent"))),
        series=text_of(value_of(dataset, "SeriesInstanceUID")),
        object_kind=next((codes.IMAGE_TYPES[word] for word in types if word in codes.IMAGE_TYPES), kind),
        frames=integer_of(value_of(dataset, "NumberOfFrames")),
        rows=integer_of(value_of(dataset, "Rows")),
        columns=integer_of(value_of(dataset, "Columns")),
        by_orientation="+".join(by_orientation) or None,
    )


def parse_view(words: str) -> tuple[str | None, set[str]]:
    """Parse a ViewPosition such as MLO, MCC or CCID: return the view's abbreviation, or None, and the modifiers."""
    word = re.sub(r"[\s_.-]", "", words).upper()
    if word in codes.VIEWS:
        return word, set()
    if word in codes.REPLACEMENTS:
        return word, {codes.REPLACEMENTS[word]}
    if word == "SPECIMEN":
        return None, {"specimen"}
    views, suffixes = ("|".join(sorted(names, key=len, reverse=True)) for names in (codes.VIEWS, codes.SUFFIXES))
    parts = re.fullmatch(rf"([MS]{{0,2}})({views})((?:{suffixes})*)", word)
    if parts is None:
        return None, set()
    endings = re.findall(suffixes, parts[3])
    return parts[2], {codes.PREFIXES[letter] for letter in parts[1]} | {codes.SUFFIXES[ending] for ending in endings}


def _tag_sources(dataset: Dataset, index: int | None) -> Iterator[Dataset]:
    """Yield the data sets that may hold tags: the frame's functional groups, those of all frames, the file's own."""
    for group, position in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        items = items_of(value_of(dataset, group))
        if position is not None and position < len(items):
            for keyword in items[position].dir():
                yield from items_of(value_of(items[position], keyword))[:1]
    yield dataset


def _side(sources: list[Dataset]) -> str | None:
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        for source in sources:
            if word := word_of(value_of(source, keyword)):
                if word in codes.SIDES:
                    return codes.SIDES[word]
                if word in ("B", "BOTH", "U"):  # explicit: do not ask a less specific tag
                    return None
    regions = {codes.REGIONS.get(code) for source in sources for code, _ in codes_of(source, "AnatomicRegionSequence")}
    return regions.pop() if len(regions) == 1 else None


def _side_by_hanging(orientation: list[str]) -> str | None:
    """Return the side by PatientOrientation, for a picture in the usual hanging, lateral side on top."""
    return codes.HANGING.get((orientation[0], orientation[1].strip("FH"))) if len(orientation) == 2 else None


def _view_by_orientation(orientation: list[str]) -> str | None:
    """Return CC or MLO by the direction of a picture's columns: across the body, or across and along it."""
    letters = set(orientation[1]) if len(orientation) == 2 and orientation[0] in ("A", "P") else set()
    across, along = letters & {"L", "R"}, letters & {"F", "H"}
    if len(across) != 1 or letters - across - along:
        return None
    return "MLO" if along else "CC"


def _view(sources: list[Dataset], types: list[str]) -> tuple[str | None, set[str]]:
    """Return the view by ViewPosition, or else by its codes, and all modifiers of both."""
    modifiers = {"stereo"} if codes.STEREO & set(types) else set()
    view, by_word = parse_view(word_of(first_value(sources, "ViewPosition")))
    items = [(code, item) for source in sources for code, item in codes_of(source, "ViewCodeSequence")]
    for source in [*sources, *(item for _, item in items)]:
        names = (codes.MODIFIER_CODES.get(code) for code, _ in codes_of(source, "ViewModifierCodeSequence"))
        modifiers.update(name for name in names if name)
    if any(code in codes.SPECIMEN_CODES for code, _ in items):
        modifiers.add("specimen")
    coded = {codes.VIEW_CODES[code] for code, _ in items if code in codes.VIEW_CODES}
    return view or (coded.pop() if len(coded) == 1 else None), modifiers | by_word


def _spacing(sources: list[Dataset], tomosynthesis: bool) -> tuple[float | None, str | None]:
    """Return the spacing in mm and its kind (PS3.3 10.7.1.3): PixelSpacing counts where its calibration is given.

    Otherwise the detector's spacing counts; PixelSpacing alone is of the kind "none".
    """
    pixel, imager, film = (
        spacing_of(first_value(sources, keyword))
        for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    )
    calibration = word_of(first_value(sources, "PixelSpacingCalibrationType"))
    if pixel and calibration in ("FIDUCIAL", "GEOMETRY"):
        return pixel, calibration.lower()
    if pixel and tomosynthesis:  # the spacing of the reconstruction
        return pixel, "geometry"
    if imager or film:
        return imager or film, "detector"
    return (pixel, "none") if pixel else (None, None)
