"""What DICOM headers say beside the pixels."""
