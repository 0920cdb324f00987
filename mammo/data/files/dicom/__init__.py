"""The pixels of DICOM files."""
