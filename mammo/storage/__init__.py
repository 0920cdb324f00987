"""Files that are complete or absent, read with checks; nothing here depends on mammograms."""
