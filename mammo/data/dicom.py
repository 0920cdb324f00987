"""One DICOM file to pixels, or one sentence that says why not."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError, first_line

if TYPE_CHECKING:
    from pydicom import FileDataset

SYNTHETIC = "synthetic"
"""A file whose Manufacturer holds this word is called synthetic wherever it is shown."""


@dataclass(frozen=True)
class Raster:
    """The pixels of one file: unsigned integers (rows, columns), brighter is denser, `bits` of depth."""

    pixels: NDArray[np.unsignedinteger]
    bits: int
    synthetic: bool = False

    def to_float(self) -> NDArray[np.float32]:
        """The pixels as float32 in 0..1, the full depth kept; shape (rows, columns)."""
        return self.pixels.astype(np.float32) / np.float32(2**self.bits - 1)


def read_dicom(path: Path) -> Raster:
    """Read a single-frame greyscale DICOM file.

    Raises MammoError where the file is no DICOM, is damaged, or holds no greyscale image.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path)
            return _raster(dataset)
        except InvalidDicomError:
            raise MammoError("not a DICOM file") from None
        except MammoError:
            raise
        except Exception as error:  # damaged files raise nearly anything
            raise MammoError(f"damaged DICOM: {first_line(error)}") from None


def _raster(dataset: FileDataset) -> Raster:
    if "PixelData" not in dataset:
        raise MammoError("a DICOM file without pixels")
    _refuse_truncated(dataset)
    pixels = dataset.pixel_array
    if pixels.ndim != 2:
        raise MammoError(f"not one greyscale image: its pixels have the shape {pixels.shape}")
    bits = int(dataset.BitsStored)
    if pixels.dtype.kind == "i":
        raise MammoError("signed pixels, which are not read yet")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = (2**bits - 1) - pixels
    return Raster(pixels, bits, SYNTHETIC in str(dataset.get("Manufacturer", "")).lower())


def _refuse_truncated(dataset: FileDataset) -> None:
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return
    expected = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8
    if len(dataset.PixelData) < expected:
        raise MammoError(f"truncated: it holds {len(dataset.PixelData)} of {expected} bytes of pixels")
