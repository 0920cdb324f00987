"""The information in DICOM headers beside the pixels."""
