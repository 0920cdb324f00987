"""Reading one DICOM file: its pixels, or one sentence that says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.frames import Frame, read_frame, refuse_truncated, refuse_without_pixels
from mammo.data.files.dicom.grey import to_grey
from mammo.data.files.dicom.opening import DicomFile, open_dicom
from mammo.data.files.dicom.pixel_header import GREY, PALETTE, PixelHeader, read_pixel_header
from mammo.data.files.dicom.stored import StoredValues, stored_values
from mammo.data.files.pictures.colour import EQUAL, grey_of, grey_of_luminance, is_luminance
from mammo.data.files.raster import (
    CONTAINER_BITS,
    SYNTHETIC,
    Container,
    Raster,
    ReadingNote,
    choose_frame,
    clear_file_errors,
    refuse_unfit,
)
from mammo.errors import MammoError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from mammo.data.files.pictures.codestream import CodeStream

__all__ = ["Raster", "read_dicom"]


def read_dicom(path: Path, frame: int = 0, colour_marks: bool = False) -> Raster:
    """Read one greyscale frame of a DICOM file as it should be shown; `frame` counts from 1, 0 is the only one.

    Only that frame is read from the file. Modality LUT, VOI LUT or window, and inversion are applied in this order
    (`mammo.data.files.dicom.grey`); with `colour_marks`, coloured marks on a grey picture are read as grey. Raises
    MammoError where the file is no DICOM, is damaged, too large, or has no such greyscale frame.
    """
    refuse_unfit(path, max_bytes=None)
    with clear_file_errors("DICOM", path), open_dicom(path) as file:
        raster = _read(file, frame, colour_marks)
        synthetic = SYNTHETIC in str(file.dataset.get("Manufacturer", "")).lower()
    return replace(raster, synthetic=synthetic, notes=file.notes + raster.notes)


def _read(file: DicomFile, frame: int, colour_marks: bool) -> Raster:
    refuse_without_pixels(file)
    header = read_pixel_header(file.dataset)
    refuse_truncated(file, header)
    index = choose_frame(frame, header.frames)
    values, stream, notes = _decode(file, header, index)
    if values.ndim == 2 and header.photometric in GREY:
        stored = stored_values(values, header, stream)
    else:
        stored = _without_colour(values, header, stream, file.dataset, colour_marks)
    stored = replace(stored, notes=notes + stored.notes)
    if header.photometric in GREY:
        return to_grey(stored, file.dataset, index, file.little)
    return Raster(stored.values, stored.bits, container=_container(stored), notes=stored.notes)


def _container(stored: StoredValues) -> Container | None:
    return Container(stored.signed) if stored.bits == CONTAINER_BITS else None


def _decode(file: DicomFile, header: PixelHeader, index: int) -> Frame:
    """Decode the frame as the file holds it; raise MemoryError where a decoder's message shows a lack of memory."""
    try:
        return read_frame(file, header, index)
    except RuntimeError as error:
        message = str(error).partition("plugins:")[2] or str(error)
        if any(line.endswith(": ") or "memory" in line or "allocat" in line for line in message.splitlines()):
            raise MemoryError from None
        raise MammoError(f"damaged DICOM: {message}") from None


def _without_colour(
    values: NDArray[Any], header: PixelHeader, stream: CodeStream | None, dataset: Dataset, colour_marks: bool
) -> StoredValues:
    """Return the grey of a frame in three channels, or of palette colours; no window applies to either."""
    bits = min(header.stored, stream.bits if stream else header.allocated)
    if header.photometric == PALETTE:
        values, bits = _by_palette(values, dataset)
    if values.ndim != 3 or values.dtype.kind != "u" or values.dtype.itemsize > 2:
        raise MammoError(f"not one greyscale image: {header.photometric} of {8 * values.dtype.itemsize} bits")
    white = 2**bits - 1
    luminance = header.photometric.startswith("YBR_FULL") or is_luminance(values, white)
    grey, notes = (grey_of_luminance if luminance else grey_of)(values, white, colour_marks)
    if header.photometric == PALETTE:
        return StoredValues(grey, bits, False, (*notes, ReadingNote("palette", "its palette holds shades of grey")))
    stored = stored_values(grey, header, stream)
    return replace(stored, notes=(*stored.notes, *notes, EQUAL))


def _by_palette(values: NDArray[np.integer], dataset: Dataset) -> tuple[NDArray[np.unsignedinteger], int]:
    from pydicom.pixels.processing import apply_color_lut

    colours: NDArray[np.unsignedinteger] = apply_color_lut(values, dataset)[..., :3]
    return colours, 8 * colours.itemsize
