"""CBIS-DDSM: its case tables, and the files of a download."""
