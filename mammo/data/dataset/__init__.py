"""The data set: its tables, their checks, and its licence."""
