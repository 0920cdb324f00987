"""A table read from CSV or a workbook."""
