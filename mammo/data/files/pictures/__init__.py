"""PNG, JPEG, TIFF, PGM and NPY files."""
