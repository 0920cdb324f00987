"""The verb `index`: files are inspected and become a data set."""
