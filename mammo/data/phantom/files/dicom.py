"""Pixels as DICOM files like the collection's, marked as synthetic."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from mammo.data.phantom.files.layout import FilePlan

MANUFACTURER = "mammo phantom (synthetic)"
"""The Manufacturer tag of every phantom file: it shows that there is no patient."""

COMMENT = "Synthetic mammogram: computer-generated phantom, no patient, not for diagnosis"
_MODEL = "mammo.data.phantom"


def encode(plan: FilePlan, side: str, view: str, pixels: NDArray[Any]) -> bytes:
    """Return a DICOM file, implicit VR little endian, of uint16 or uint8 `pixels` (rows, columns)."""
    data = _identity(plan, side, view)
    _describe_pixels(data, pixels)
    stream = BytesIO()
    FileDataset(stream, data, file_meta=_meta(plan), preamble=b"\0" * 128).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _meta(plan: FilePlan) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID(plan.instance)
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    meta.ImplementationClassUID = UID("2.25.1")
    meta.ImplementationVersionName = "MAMMO-PHANTOM"
    return meta


def _identity(plan: FilePlan, side: str, view: str) -> Dataset:
    month, day, year = plan.download.study_date.split("-")
    tags = {
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": plan.instance,
        "StudyDate": f"{year}{month}{day}",
        "ContentDate": "20160426",
        "StudyTime": "120000",
        "ContentTime": "120000.000000",
        "AccessionNumber": "",
        "Modality": "MG",
        "ConversionType": "WSD",
        "Manufacturer": MANUFACTURER,
        "ReferringPhysicianName": "",
        "SeriesDescription": plan.description,
        "ManufacturerModelName": _MODEL,
        "PatientName": plan.folder,
        "PatientID": plan.folder,
        "PatientBirthDate": "",
        "PatientSex": "",
        "BodyPartExamined": "BREAST",
        "StudyInstanceUID": plan.study,
        "SeriesInstanceUID": plan.series,
        "StudyID": "DDSM",
        "SeriesNumber": "1",
        "InstanceNumber": str(plan.position + 1),
        "PatientOrientation": view,
        "Laterality": side[0],
        "ImageComments": COMMENT,
    }
    data = Dataset()
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def _describe_pixels(data: Dataset, pixels: NDArray[Any]) -> None:
    bits = 8 * pixels.dtype.itemsize
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit = bits - 1
    data.PixelRepresentation = 0
    data.SmallestImagePixelValue = int(pixels.min())
    data.LargestImagePixelValue = int(pixels.max())
    little = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
    data.add_new("PixelData", "OW", little + b"\0" * (len(little) % 2))
