"""One DICOM file to pixels, or one sentence that says why not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.data.codestream import refuse_other_size, refuse_sparse_jpeg
from mammo.data.raster import SYNTHETIC, Raster, choose_frame, in_one_sentence, refuse_large, refuse_unfit
from mammo.errors import MammoError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom import FileDataset

__all__ = ["Raster", "read_dicom"]

MAX_BITS = 16

_LIBJPEG, _OPENJPEG = "pylibjpeg-libjpeg", "pylibjpeg-openjpeg"
SYNTAXES: dict[str, str] = {
    "1.2.840.10008.1.2": "",  # implicit VR little endian
    "1.2.840.10008.1.2.1": "",  # explicit VR little endian
    "1.2.840.10008.1.2.2": "",  # explicit VR big endian
    "1.2.840.10008.1.2.5": "",  # RLE
    "1.2.840.10008.1.2.4.50": "",  # JPEG baseline, 8 bits
    "1.2.840.10008.1.2.4.51": _LIBJPEG,  # JPEG extended, 12 bits
    "1.2.840.10008.1.2.4.57": _LIBJPEG,  # JPEG Lossless
    "1.2.840.10008.1.2.4.70": _LIBJPEG,  # JPEG Lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": _LIBJPEG,  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": _LIBJPEG,  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": "",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": _OPENJPEG,  # High-throughput JPEG 2000, three kinds
    "1.2.840.10008.1.2.4.202": _OPENJPEG,
    "1.2.840.10008.1.2.4.203": _OPENJPEG,
}
"""The transfer syntaxes that are read, and the package beside Pillow and pydicom that each takes.

The deflated one is missing on purpose: the whole data set is inflated before a header can be seen.
"""


def read_dicom(path: Path, frame: int = 0) -> Raster:
    """Read one greyscale frame of a DICOM file as it is meant to be shown; `frame` counts from 1, 0 is the only one.

    Modality LUT, VOI LUT or window and MONOCHROME1 are applied in this order (`mammo.data.grey`). Raises MammoError
    where the file is no DICOM, is damaged, too large, or holds no such greyscale frame.
    """
    from pydicom.errors import InvalidDicomError

    refuse_unfit(path)
    with in_one_sentence("DICOM", path):
        try:
            return _read(path, frame)
        except InvalidDicomError:
            raise MammoError("not a DICOM file") from None


class _Stream(io.BufferedReader):
    """A file that is asked for no more than it holds: a false length costs no memory, and is noticed as `short`."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._end = path.stat().st_size
        self.short = False

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; all that are left without one."""
        if size is None or size < io.DEFAULT_BUFFER_SIZE:
            return super().read(size)
        left = max(0, self._end - self.tell())
        self.short = self.short or size > left
        return super().read(min(size, left))


def _read(path: Path, frame: int) -> Raster:
    import pydicom

    from mammo.data.grey import as_shown

    _refuse_syntax(path)
    with _Stream(path) as stream:
        dataset = pydicom.dcmread(stream)
    _refuse_unseen(dataset, stream.short)
    index = choose_frame(frame, int(dataset.get("NumberOfFrames") or 1))
    pixels, bits, container = as_shown(_decode(dataset, index), dataset, index)
    return Raster(pixels, bits, SYNTHETIC in str(dataset.get("Manufacturer", "")).lower(), container)


def _refuse_syntax(path: Path) -> None:
    """Look at the file's meta header alone: nothing else is parsed or inflated before its syntax is known."""
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import UID

    syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    if not syntax:
        raise MammoError("damaged DICOM: it names no transfer syntax")
    if syntax not in SYNTAXES:
        raise MammoError(f"the transfer syntax {UID(syntax).name}, which is not read")


def _refuse_unseen(dataset: FileDataset, short: bool) -> None:
    """Refuse what has no grey pixels or claims too many, from the header, before anything is decoded."""
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise MammoError("floating-point pixels, which are not read")
    if "PixelData" not in dataset:
        raise MammoError("truncated before its pixels" if short else "a DICOM file without pixels")
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation"):
        if dataset.get(keyword) is None:
            raise MammoError(f"damaged DICOM: it lacks {keyword}")
    photometric = str(dataset.get("PhotometricInterpretation", "none"))
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise MammoError(f"not one greyscale image: its photometric interpretation is {photometric[:16]}")
    refuse_large(int(dataset.Rows), int(dataset.Columns))
    if not 1 <= int(dataset.BitsStored) <= MAX_BITS:
        raise MammoError(f"{int(dataset.BitsStored)} bits a pixel; at most {MAX_BITS} are read")
    _refuse_undecodable(dataset)
    _refuse_truncated(dataset)


def _refuse_undecodable(dataset: FileDataset) -> None:
    """Name the package that is missing; Pillow reads JPEG of 8 bits only."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    pillow = "pillow" if int(dataset.BitsStored) > 8 else ""
    if SYNTAXES[syntax] and not set(get_decoder(syntax).available_plugins) - {pillow}:
        raise MammoError(f"{syntax.name}, which takes another package: pip install pylibjpeg {SYNTAXES[syntax]}")


def _refuse_truncated(dataset: FileDataset) -> None:
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    frames = int(dataset.get("NumberOfFrames") or 1)
    expected = (frames * int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) + 7) // 8
    if len(dataset.PixelData) < expected:
        raise MammoError(f"truncated: it holds {len(dataset.PixelData)} of {expected} bytes of pixels")


def _decode(dataset: FileDataset, index: int) -> NDArray[np.integer]:
    """The stored values of one frame (rows, columns), signed or not."""
    from pydicom.pixels.utils import pixel_array

    _refuse_false_frame(dataset, index)
    try:
        pixels = pixel_array(dataset, index=index, view_only=True)
    except RuntimeError as error:  # what every decoder said
        said = str(error).partition("plugins:")[2] or str(error)
        if any(line.endswith(": ") or "memory" in line or "allocat" in line for line in said.splitlines()):
            raise MemoryError from None  # one of them did, in few words or none
        raise MammoError(f"damaged DICOM: {said}") from None
    if pixels.ndim != 2 or pixels.dtype.kind not in "iu":
        raise MammoError(f"not one greyscale image: its pixels have the shape {pixels.shape}")
    return pixels


def _refuse_false_frame(dataset: FileDataset, index: int) -> None:
    """Decoders believe a codestream's own size: it must be the one that was found fit."""
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax == RLELossless:
        return
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    frames = int(dataset.get("NumberOfFrames") or 1)
    frame = get_frame(dataset.PixelData, index, extended_offsets=offsets, number_of_frames=frames)
    refuse_other_size(frame, dataset.Rows, dataset.Columns)
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        refuse_sparse_jpeg(len(frame), dataset.Rows, dataset.Columns)
