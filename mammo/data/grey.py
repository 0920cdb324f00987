"""Stored DICOM values to the grey that is meant to be shown: modality, then VOI, then MONOCHROME1 (PS3.4 N.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.raster import Container
from mammo.errors import MammoError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

WHITE = 65535
"""White once a look-up table or a window was applied: its full output range is scaled to 16 bits."""

_TAGS = (
    "PhotometricInterpretation",
    "BitsStored",
    "PixelRepresentation",
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


def as_shown(
    pixels: NDArray[np.integer], dataset: Dataset, index: int
) -> tuple[NDArray[np.unsignedinteger], int, Container | None]:
    """The stored values of frame `index` (from 0) as unsigned grey (rows, columns), brighter is denser, and its bits.

    Without look-up table or window the stored integers and their bits are kept (signed ones are shifted, and a linear
    rescale changes no normalised picture unless its slope is negative). Otherwise the first VOI LUT, or else the first
    window, is applied and its full output range scaled to 16 bits. Raises MammoError where values or tags contradict
    each other.
    """
    tags = _tags(dataset, index)
    bits, signed = int(tags.BitsStored), pixels.dtype.kind == "i"
    stored = _unsigned(pixels, bits)
    inverted = tags.PhotometricInterpretation == "MONOCHROME1"
    slope = _slope(tags)
    if not (tags.get("ModalityLUTSequence") or _has_voi(tags)):
        inverted = inverted != (slope < 0)
        return (2**bits - 1 - stored if inverted else stored), bits, Container(signed, inverted) if bits == 16 else None
    table = _table(tags, bits, signed)
    return np.take(WHITE - table if inverted else table, stored), 16, None


def _tags(dataset: Dataset, index: int) -> Dataset:
    """The tags that make grey of stored values; those of the frame's functional groups outrank the file's own."""
    from pydicom.dataset import Dataset

    places = [dataset]
    for group, place in zip(_GROUPS, (0, index), strict=True):
        items = dataset.get(group) or []
        if place < len(items):
            places += [items[place].get(name)[0] for name in _IN_A_GROUP if items[place].get(name)]
    tags = Dataset()
    for source in places:
        for keyword in _TAGS:
            if source.get(keyword) not in (None, ""):
                tags.add(source[keyword])
    if "HighBit" in dataset and int(dataset.HighBit) != int(dataset.BitsStored) - 1:
        raise MammoError(f"its high bit is {int(dataset.HighBit)}, though {int(dataset.BitsStored)} bits are stored")
    return tags


def _unsigned(pixels: NDArray[np.integer], bits: int) -> NDArray[np.unsignedinteger]:
    """The values as unsigned integers of the same size, signed ones shifted so that the lowest possible is 0."""
    if pixels.dtype.kind == "i":
        unsigned = pixels.view(pixels.dtype.str.replace("i", "u"))
        pixels = unsigned + unsigned.dtype.type(2 ** (bits - 1))  # wraps round, as two's complement does
    if bits < 8 * pixels.itemsize and int(pixels.max()) >= 2**bits:
        raise MammoError(f"damaged DICOM: pixels beyond the {bits} bits that are stored")
    if pixels.itemsize > 2:
        return pixels.astype(np.uint16)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _slope(tags: Dataset) -> float:
    slope = float(tags.get("RescaleSlope", 1.0))
    if slope == 0 or not np.isfinite([slope, float(tags.get("RescaleIntercept", 0.0))]).all():
        raise MammoError(f"damaged DICOM: a rescale slope of {slope:g}")
    return slope


def _has_voi(tags: Dataset) -> bool:
    return bool(tags.get("VOILUTSequence")) or ("WindowCenter" in tags and "WindowWidth" in tags)


def _table(tags: Dataset, bits: int, signed: bool) -> NDArray[np.uint16]:
    """What each of the 2^bits values that can be stored becomes, black 0, white `WHITE`."""
    from pydicom.pixels.processing import apply_windowing

    values = np.arange(2**bits, dtype=np.float64) - (2 ** (bits - 1) if signed else 0)
    low, high = 0.0, 0.0
    if tags.get("ModalityLUTSequence"):
        values, high = _looked_up(values, tags.ModalityLUTSequence[0])
    else:
        values = values * float(tags.get("RescaleSlope", 1)) + float(tags.get("RescaleIntercept", 0))
    if tags.get("VOILUTSequence"):
        values, high = _looked_up(values, tags.VOILUTSequence[0])
    elif _has_voi(tags):
        shown = apply_windowing(np.append(values, [-np.inf, np.inf]), tags)
        values, low, high = shown[:-2], float(shown[-2]), float(shown[-1])  # what lies beyond the window is its range
    with np.errstate(all="ignore"):
        unit = (values - low) / (high - low)
    if not np.isfinite(unit).all() or unit.min() < 0 or unit.max() > 1:
        raise MammoError("damaged DICOM: a look-up table or window that leads out of its own range")
    return np.round(unit * WHITE).astype(np.uint16)


def _looked_up(values: NDArray[np.float64], item: Dataset) -> tuple[NDArray[np.float64], float]:
    """`values` through a LUT, values beyond its ends taking the first or last entry, and its highest output.

    pydicom's own keeps indices in the type of the entries, so that 8-bit entries wrap round beyond 256 of them.
    """
    entries, first, depth = (int(number) for number in item.LUTDescriptor)
    entries = entries % 65536 or 65536
    if first > 32767 and values.min() < 0:  # written as unsigned beside signed pixels
        first -= 65536
    if not 1 <= depth <= 16:
        raise MammoError(f"damaged DICOM: a look-up table of {depth} bits")
    table = _entries(item, entries)
    return table[np.clip(np.round(values) - first, 0, entries - 1).astype(np.int64)], float(2**depth - 1)


def _entries(item: Dataset, count: int) -> NDArray[np.float64]:
    """The entries of a LUT, one or two bytes each."""
    data: Any = item.LUTData
    if not isinstance(data, bytes):
        data = np.atleast_1d(np.asarray(data)).astype("<u2").tobytes()
        order = "<"
    else:
        order = "<" if item.is_little_endian is not False else ">"
    kind = np.dtype(np.uint8) if len(data) < 2 * count else np.dtype(order + "u2")
    return np.frombuffer(data, kind, count).astype(np.float64)
