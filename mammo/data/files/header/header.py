"""What a DICOM header tells of a mammogram beside its pixels."""

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
    items_of,
    number_of,
    spacing_of,
    text_of,
    value_of,
    whole_of,
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
    """What a DICOM header tells of one image; None where it does not, or says it in a way that makes no sense.

    `breast` is LEFT or RIGHT, `view` an abbreviation of `header_codes.VIEWS` or `REPLACEMENTS`, `view_modifier` the
    sorted names of all modifiers joined by "+". `spacing_mm` is the distance of two pixels and `spacing_kind` says
    where: at the `detector` (or on the scanned film), in the breast by a `fiducial` or by the `geometry` of the
    exposure, or `none` told. `magnification` is the exposure's own. `by_orientation` names what PatientOrientation
    alone told. `object_kind` says what was imaged, `intent` whether pixels are meant for presentation or processing.
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
        """What made the image and in what way, in a few words: films of one device are of one depth."""
        kind = self.object_kind if self.object_kind not in ("mammogram", "secondary capture") else None
        raw = "for processing" if self.intent == codes.PROCESSING else None
        return ", ".join(filter(None, [" ".join(filter(None, [self.maker, self.model])), kind, raw]))

    def to_text(self) -> str:
        """What is told, as JSON in one line; empty where nothing is."""
        told = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return json.dumps(told, ensure_ascii=False) if told else ""

    @classmethod
    def from_text(cls, text: str) -> Header:
        """The header that `to_text` wrote down."""
        return cls(**json.loads(text)) if text else cls()


def read_header(path: Path, frame: int = 0) -> Header:
    """What the header of a file tells of `frame` (from 1; 0 means the only one, or the file as a whole).

    Never raises: a file that is no DICOM, or is damaged, tells nothing. Pixels are not read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open_dicom(path) as file:
                return header_of(file.dataset, frame)
        except Exception:  # damaged files raise nearly anything
            return Header()


def header_of(dataset: Dataset, frame: int = 0) -> Header:
    """What the tags of a data set tell of `frame`; the frame's functional groups outrank those of all frames."""
    frames = whole_of(value_of(dataset, "NumberOfFrames")) or 1
    places = list(_places(dataset, frame - 1 if frame else 0 if frames == 1 else None))
    intent = word_of(value_of(dataset, "PresentationIntentType")).replace("_", " ")
    kind, class_intent = codes.CLASSES.get(text_of(value_of(dataset, "SOPClassUID")) or "", (None, None))
    types = words_of(value_of(dataset, "ImageType"))[2:]
    orientation = words_of(value_of(dataset, "PatientOrientation"))
    side, hung = _side(places), _hung(orientation)
    view, modifiers = _view(places, types)
    oriented = _oriented(orientation) if not view and "specimen" not in modifiers else None
    magnification = number_of(first_value(places, "EstimatedRadiographicMagnificationFactor"), 0.5, 10)
    modifiers |= {"magnified"} if (magnification or 1) >= MAGNIFYING else set()
    spacing_mm, spacing_kind = _spacing(places, tomosynthesis=kind == "tomosynthesis")
    guessed = [name for name, told in (("breast", hung if not side else None), ("view", oriented)) if told]
    return Header(
        breast=side or hung,
        view=view or oriented,
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
        frames=whole_of(value_of(dataset, "NumberOfFrames")),
        rows=whole_of(value_of(dataset, "Rows")),
        columns=whole_of(value_of(dataset, "Columns")),
        by_orientation="+".join(guessed) or None,
    )


def parse_view(words: str) -> tuple[str | None, set[str]]:
    """A view as ViewPosition gives it, such as MLO, MCC or CCID: its abbreviation, or None, and its modifiers."""
    word = re.sub(r"[\s_.-]", "", words).upper()
    if word in codes.VIEWS:
        return word, set()
    if word in codes.REPLACEMENTS:
        return word, {codes.REPLACEMENTS[word]}
    if word == "SPECIMEN":
        return None, {"specimen"}
    views, suffixes = ("|".join(sorted(known, key=len, reverse=True)) for known in (codes.VIEWS, codes.SUFFIXES))
    parts = re.fullmatch(rf"([MS]{{0,2}})({views})((?:{suffixes})*)", word)
    if parts is None:
        return None, set()
    after = re.findall(suffixes, parts[3])
    return parts[2], {codes.PREFIXES[letter] for letter in parts[1]} | {codes.SUFFIXES[letters] for letters in after}


def _places(dataset: Dataset, index: int | None) -> Iterator[Dataset]:
    """Where tags may stand: in the frame's functional groups, in those of all frames, in the file's own tags."""
    for group, position in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        items = items_of(value_of(dataset, group))
        if position is not None and position < len(items):
            for keyword in items[position].dir():
                yield from items_of(value_of(items[position], keyword))[:1]
    yield dataset


def _side(places: list[Dataset]) -> str | None:
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        for place in places:
            if word := word_of(value_of(place, keyword)):
                if word in codes.SIDES:
                    return codes.SIDES[word]
                if word in ("B", "BOTH", "U"):  # said on purpose: no coarser tag knows better
                    return None
    regions = {codes.REGIONS.get(code) for place in places for code, _ in codes_of(place, "AnatomicRegionSequence")}
    return regions.pop() if len(regions) == 1 else None


def _hung(orientation: list[str]) -> str | None:
    """The side that PatientOrientation tells of a picture hung as usual, lateral side on top."""
    return codes.HUNG.get((orientation[0], orientation[1].strip("FH"))) if len(orientation) == 2 else None


def _oriented(orientation: list[str]) -> str | None:
    """CC or MLO by where the columns of a picture lead to: across the body, or across and along it."""
    letters = set(orientation[1]) if len(orientation) == 2 and orientation[0] in ("A", "P") else set()
    across, along = letters & {"L", "R"}, letters & {"F", "H"}
    if len(across) != 1 or letters - across - along:
        return None
    return "MLO" if along else "CC"


def _view(places: list[Dataset], types: list[str]) -> tuple[str | None, set[str]]:
    """The view by ViewPosition, or else by its codes, and all modifiers that either names."""
    modifiers = {"stereo"} if codes.STEREO & set(types) else set()
    view, by_word = parse_view(word_of(first_value(places, "ViewPosition")))
    items = [(code, item) for place in places for code, item in codes_of(place, "ViewCodeSequence")]
    for holder in [*places, *(item for _, item in items)]:
        known = (codes.MODIFIER_CODES.get(code) for code, _ in codes_of(holder, "ViewModifierCodeSequence"))
        modifiers.update(name for name in known if name)
    if any(code in codes.SPECIMEN_CODES for code, _ in items):
        modifiers.add("specimen")
    coded = {codes.VIEW_CODES[code] for code, _ in items if code in codes.VIEW_CODES}
    return view or (coded.pop() if len(coded) == 1 else None), modifiers | by_word


def _spacing(places: list[Dataset], tomosynthesis: bool) -> tuple[float | None, str | None]:
    """The spacing and its kind (PS3.3 10.7.1.3): PixelSpacing counts where its calibration is told.

    Without that it is the detector's where ImagerPixelSpacing is the same, and of no known kind where it stands alone.
    """
    pixel, imager, film = (
        spacing_of(first_value(places, keyword))
        for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    )
    calibration = word_of(first_value(places, "PixelSpacingCalibrationType"))
    if pixel and calibration in ("FIDUCIAL", "GEOMETRY"):
        return pixel, calibration.lower()
    if pixel and tomosynthesis:  # the reconstruction's own
        return pixel, "geometry"
    if imager or film:
        return imager or film, "detector"
    return (pixel, "none") if pixel else (None, None)
