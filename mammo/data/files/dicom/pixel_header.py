"""The layout of the pixels by the header of a DICOM file, checked before anything is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.files.raster import refuse_large
from mammo.errors import MammoError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_STORED = 32
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"
_ALLOCATED = (1, 8, 16, 32)


@dataclass(frozen=True)
class PixelHeader:
    """The layout of each frame's values: `allocated` bits, of which the `stored` ones end at bit `high` (from 0)."""

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    planar: bool
    allocated: int
    stored: int
    high: int
    signed: bool
    overlay_bits: tuple[int, ...]

    @property
    def frame_bits(self) -> int:
        """The number of bits in an uncompressed frame."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples  # two pixels share their chroma
        return self.rows * self.columns * samples * self.allocated


def read_pixel_header(dataset: Dataset) -> PixelHeader:
    """Read the layout of the pixels; raise MammoError where it is missing, invalid or not supported."""
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    samples = integer(dataset, "SamplesPerPixel", 1)
    photometric = text(dataset, "PhotometricInterpretation") or "none"
    if (samples, photometric in (*GREY, PALETTE)) not in ((1, True), (3, False)) or (
        samples == 3 and photometric not in COLOURS
    ):
        raise MammoError(f"not one greyscale image: its photometric interpretation is {photometric[:16]}")
    refuse_large(rows, columns)
    if not 1 <= stored <= MAX_STORED or allocated not in _ALLOCATED:
        raise MammoError(f"damaged DICOM: {stored} bits a pixel are stored of {allocated}")
    return PixelHeader(
        rows,
        columns,
        max(1, integer(dataset, "NumberOfFrames", 1)),
        samples,
        photometric,
        number(dataset, "PlanarConfiguration") == 1,
        allocated,
        min(stored, allocated),
        int(stored - 1 if (high := number(dataset, "HighBit")) is None else high),
        integer(dataset, "PixelRepresentation") == 1,
        _overlay_bits(dataset),
    )


def number(dataset: Dataset, keyword: str, position: int = 0) -> float | None:
    """Return the value at `position` of an element as a finite number; None where it is missing or no number."""
    values = element_values(dataset, keyword)
    try:
        value = float(str(values[position]).strip())
    except (ValueError, IndexError):
        return None
    return value if math.isfinite(value) else None


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element as text in capitals; empty where it is missing."""
    return ", ".join(str(value) for value in element_values(dataset, keyword)).strip().upper()


def element_values(dataset: Dataset, keyword: str) -> list[Any]:
    """Return the values of an element; none where it is missing, empty or cannot be parsed."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises many kinds over a damaged value
        return []
    if value is None or isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return [] if value in (None, "") else [value]
    return list(value)


def integer(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Return an element as an integer, or the default where it is missing; raise MammoError where there is neither."""
    if not element_values(dataset, keyword):
        if default is None:
            raise MammoError(f"damaged DICOM: it lacks {keyword}")
        return default
    value = number(dataset, keyword)
    if value is None or value != int(value):
        raise MammoError(f"damaged DICOM: its {keyword} is no whole number")
    return int(value)


def _overlay_bits(dataset: Dataset) -> tuple[int, ...]:
    """Return the bits beside the stored ones that overlays use (PS3.3 C.9.2, in files before 2004)."""
    positions = []
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x0102) in dataset and (group, 0x3000) not in dataset:
            bit = number(dataset, f"{group:04X}0102")
            positions.append(int(bit)) if bit is not None else None
    return tuple(positions)
