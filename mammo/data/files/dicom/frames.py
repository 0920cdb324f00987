"""The values of one frame as a DICOM file stores them; no other frame of the file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.encapsulated import read_encapsulated
from mammo.data.files.dicom.opening import BIG_ENDIAN, EXPLICIT, IMPLICIT, RLE, DicomFile
from mammo.data.files.pictures.codestream import CodeStream, read_code_stream
from mammo.data.files.raster import ReadingNote
from mammo.errors import MammoError

if TYPE_CHECKING:
    from mammo.data.files.dicom.pixel_header import PixelHeader

NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN)

Frame = tuple[NDArray[np.integer], CodeStream | None, tuple[ReadingNote, ...]]
"""Values (rows, columns) or (rows, columns, 3), their code stream, and notes on what was done to it."""


def refuse_without_pixels(file: DicomFile) -> None:
    """Raise MammoError where the file has no pixels."""
    if not file.at:
        raise MammoError("truncated before its pixels" if file.short else "a DICOM file without pixels")


def refuse_truncated(file: DicomFile, header: PixelHeader) -> None:
    """Raise MammoError where the file has fewer pixels than its header says."""
    if file.length is None or file.syntax not in NATIVE:
        return
    expected, available = (header.frames * header.frame_bits + 7) // 8, min(file.length, file.end - file.at)
    if available < expected:
        raise MammoError(f"truncated: it holds {available} of {expected} bytes of pixels")


def read_frame(file: DicomFile, header: PixelHeader, index: int) -> Frame:
    """Read and decode frame `index` (from 0); raise MammoError where it is damaged or cannot be decoded."""
    if file.length is not None and file.syntax in NATIVE:
        return _native(file, header, index), None, ()
    extended = file.dataset.get("ExtendedOffsetTable")
    content = read_encapsulated(file.stream, file.at, index, header.frames, extended)
    stream = read_code_stream(content) if file.syntax != RLE else None
    if stream is None and file.syntax in (RLE, *NATIVE):
        return _run_lengths(content, header), None, ()
    if stream is None:
        raise MammoError("damaged DICOM: its compressed pixels have no header")
    stream.refuse_other_size(header.rows, header.columns)
    stream, notes = stream.repaired()
    values = stream.decode()
    if values.shape[2:] not in ((), (3,)) or values.dtype.kind not in "iu":
        raise MammoError(f"not one greyscale image: its code stream has {stream.channels} channels")
    return values, stream, notes


def _native(file: DicomFile, header: PixelHeader, index: int) -> NDArray[np.integer]:
    """Return an uncompressed frame as unsigned integers of the allocated size."""
    first = index * header.frame_bits
    skipped = first % 8  # of packed bits, whose frames need not begin with a byte
    count = (skipped + header.frame_bits + 7) // 8
    file.stream.seek(file.at + first // 8)
    content: Any = file.stream.read_exactly(count)
    if header.allocated == 1:
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        return _shaped(bits[skipped : skipped + header.frame_bits], header)
    order = ">" if file.syntax == BIG_ENDIAN else "<"
    values = np.frombuffer(content, np.dtype(f"{order}u{header.allocated // 8}"))
    if header.allocated == 8 and file.syntax == BIG_ENDIAN and file.words:
        values = np.frombuffer(content + b"\0" * (count % 2), ">u2").astype("<u2").view(np.uint8)[:count]
    return _shaped(values.astype(values.dtype.newbyteorder("="), copy=False), header)


def _shaped(values: NDArray[np.integer], header: PixelHeader) -> NDArray[np.integer]:
    size = (header.rows, header.columns)
    if header.samples == 1:
        return values.reshape(size)
    if header.photometric == "YBR_FULL_422":  # two pixels: their luminances, then their common chroma
        pairs = values.reshape(-1, 4)
        chroma = np.repeat(pairs[:, 2:], 2, axis=0)
        return np.column_stack([pairs[:, :2].reshape(-1), chroma]).reshape(*size, 3)
    return np.moveaxis(values.reshape(3, *size), 0, 2) if header.planar else values.reshape(*size, 3)


def _run_lengths(content: bytes, header: PixelHeader) -> NDArray[np.integer]:
    """Decode a frame of run-length encoded bytes (PS3.5 G) to unsigned integers of the allocated size."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import RLELossless

    frame = Dataset()
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = RLELossless
    frame.Rows, frame.Columns, frame.SamplesPerPixel = header.rows, header.columns, header.samples
    frame.PhotometricInterpretation = "MONOCHROME2" if header.samples == 1 else "RGB"
    frame.BitsAllocated = frame.BitsStored = header.allocated
    frame.PixelRepresentation = frame.PlanarConfiguration = 0
    frame.PixelData = encapsulate([content])
    values: NDArray[np.integer] = pixel_array(frame, index=0, raw=True)
    return values
