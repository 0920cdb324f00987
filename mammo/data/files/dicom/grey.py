"""From stored DICOM values to the grey that should be shown: modality, then VOI, then inversion (PS3.4 N.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.pixel_header import element_values, number, text
from mammo.data.files.dicom.stored import StoredValues
from mammo.data.files.dicom.voi import LookupTable, read_table, voi_transforms
from mammo.data.files.raster import CONTAINER_BITS, Container, Raster, ReadingNote
from mammo.data.files.silhouettes import has_two_values, is_mask

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WHITE = 65535
"""White after a look-up table or a window: its full output range is scaled to 16 bits."""

TOO_DARK = 0.25
"""A window is for more bits than are stored where the highest possible value comes out darker than this."""

_TAGS = (
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "PresentationLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
)
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_IN_A_GROUP = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
_SAMPLE_SIDE = 1024
_FEW_VALUES = 16
_SAME_LEVELS = 65
"""Largest difference, of 65535, at which a table counts as the identity: 1/1000 of white."""


def to_grey(stored: StoredValues, dataset: Dataset, index: int, little: bool) -> Raster:
    """Return the stored values of frame `index` (from 0) as unsigned grey (rows, columns), brighter is denser.

    Without look-up table or window the stored integers and their bits stay (signed ones are shifted; a linear rescale
    does not change the normalised picture unless its slope is negative). Otherwise the first valid VOI LUT or window
    is applied and its full output range is scaled to 16 bits. Invalid ones are skipped, with a note.
    """
    tags = _tags(dataset, index)
    inverted, notes = _inversion(tags)
    modality, falling, modality_notes = _modality(tags, stored, little)
    table, voi_notes = _display_table(stored, modality, tags, little)
    notes = (*stored.notes, *notes, *modality_notes, *voi_notes)
    untrusted = stored.bits == CONTAINER_BITS
    if table is None:
        inverted = inverted != falling
        pixels = stored.values.dtype.type(2**stored.bits - 1) - stored.values if inverted else stored.values
        return Raster(
            pixels, stored.bits, container=Container(stored.signed, inverted) if untrusted else None, notes=notes
        )
    container = None
    if untrusted and (table_inverts := _identity_or_inversion(table)) is not None:
        container = Container(stored.signed, inverted != table_inverts)
    shown = np.take(WHITE - table if inverted else table, stored.values)
    return Raster(shown, CONTAINER_BITS, container=container, notes=notes)


def _tags(dataset: Dataset, index: int) -> Dataset:
    """Return the tags that determine the grey; those of the frame's functional groups override the file's own."""
    from pydicom.dataset import Dataset

    sources = [dataset]
    for group, position in zip(_GROUPS, (0, index), strict=True):
        items = element_values(dataset, group)
        if position < len(items):
            sources += [values[0] for name in _IN_A_GROUP if (values := element_values(items[position], name))]
    tags = Dataset()
    for source in sources:
        for keyword in _TAGS:
            if element_values(source, keyword):
                tags.add(source[keyword])
    return tags


def _inversion(tags: Dataset) -> tuple[bool, tuple[ReadingNote, ...]]:
    """Return whether low values are bright, and notes: the presentation LUT shape decides, or else MONOCHROME1."""
    photometric, shape = text(tags, "PhotometricInterpretation"), text(tags, "PresentationLUTShape")
    inverted = photometric == "MONOCHROME1"
    notes: tuple[ReadingNote, ...] = ()
    if element_values(tags, "PresentationLUTSequence"):
        notes = (ReadingNote("presentation-table", "its presentation look-up table is passed over"),)
    if shape in ("INVERSE", "IDENTITY") and inverted != (shape == "INVERSE"):
        sentence = f"its presentation LUT shape {shape} outranks {photometric}"
        return shape == "INVERSE", (*notes, ReadingNote("presentation-shape", sentence))
    return inverted, notes


def _modality(
    tags: Dataset, stored: StoredValues, little: bool
) -> tuple[LookupTable | tuple[float, float], bool, tuple[ReadingNote, ...]]:
    """Return the modality LUT, or slope and intercept; whether the slope is negative; and notes on what is skipped."""
    notes: tuple[ReadingNote, ...] = ()
    for item in element_values(tags, "ModalityLUTSequence")[:1]:
        table = read_table(item, little, stored.signed)
        if isinstance(table, LookupTable):
            return table, False, ()
        notes = (ReadingNote("table", f"its modality look-up table {table} and is passed over"),)
    if not element_values(tags, "RescaleSlope") and not element_values(tags, "RescaleIntercept"):
        return (1.0, 0.0), False, notes
    slope, intercept = number(tags, "RescaleSlope"), number(tags, "RescaleIntercept")
    if not slope or intercept is None:
        alone = "WindowCenter" not in tags and "VOILUTSequence" not in tags
        halved = (slope or 0) > 0 or not element_values(tags, "RescaleSlope")
        words = [_words(tags, name) for name in ("RescaleSlope", "RescaleIntercept")]
        sentence = f"its rescale slope {words[0]} and intercept {words[1]} make no sense and are passed over"
        return (1.0, 0.0), False, (*notes, ReadingNote("half-a-rescale" if alone and halved else "rescale", sentence))
    return (slope, intercept), slope < 0, notes


def _words(tags: Dataset, keyword: str) -> str:
    return ", ".join(map(str, element_values(tags, keyword)))[:16] or "none"


def _display_table(
    stored: StoredValues, modality: LookupTable | tuple[float, float], tags: Dataset, little: bool
) -> tuple[NDArray[np.uint16] | None, tuple[ReadingNote, ...]]:
    """Return the grey of each possible stored value, from 0 to `WHITE`, and notes; None where values stay."""
    notes: list[ReadingNote] = []
    values = _modality_values(stored, modality)
    for step in voi_transforms(tags, little, negative=bool(values.min() < 0)):
        if isinstance(step, ReadingNote):
            notes.append(step)
            continue
        table = np.round(step.unit(values) * WHITE).astype(np.uint16)
        reason = _unfit(table, stored)
        if not reason:
            return table, (*notes, *step.notes)
        notes.append(ReadingNote("window-unfit", f"its {step.name} {reason} and is passed over"))
    if isinstance(modality, LookupTable):
        return np.round(modality.unit(_possible(stored)) * WHITE).astype(np.uint16), tuple(notes)
    return None, tuple(notes)


def _possible(stored: StoredValues) -> NDArray[np.float64]:
    """Return the numbers that the values 0 to 2^bits - 1 stand for."""
    return np.arange(2**stored.bits, dtype=np.float64) - (2 ** (stored.bits - 1) if stored.signed else 0)


def _modality_values(stored: StoredValues, modality: LookupTable | tuple[float, float]) -> NDArray[np.float64]:
    if isinstance(modality, LookupTable):
        return modality(_possible(stored))
    slope, intercept = modality
    return _possible(stored) * slope + intercept


def _unfit(table: NDArray[np.uint16], stored: StoredValues) -> str:
    """Return why a table or window does not fit the picture; empty where it does."""
    if int(table.max()) < TOO_DARK * WHITE:
        return f"is meant for more than the {stored.bits} bits that are stored"
    rows, columns = (max(1, side // _SAMPLE_SIDE) for side in stored.values.shape)
    sample = stored.values[::rows, ::columns]
    shown = table[sample]
    if shown.min() < shown.max() and not has_two_values(shown):
        return ""
    count = len(np.unique(sample))
    if count < _FEW_VALUES or is_mask(sample):
        return ""
    low, high = int(sample.min()), int(sample.max())
    if stored.signed:
        low, high = low - 2 ** (stored.bits - 1), high - 2 ** (stored.bits - 1)
    return f"leaves hardly more than two of {count} values from {low} to {high}"


def _identity_or_inversion(table: NDArray[np.uint16]) -> bool | None:
    """Return False where a table for 16 bits is the identity, True where it inverts the values, None otherwise."""
    same = np.arange(2**CONTAINER_BITS)
    for inverted, expected in ((False, same), (True, WHITE - same)):
        if int(np.abs(expected - table).max()) <= _SAME_LEVELS:
            return inverted
    return None
