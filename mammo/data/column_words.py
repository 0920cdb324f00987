"""The values of a data set's columns, and counts of images, as they are shown."""

from __future__ import annotations

from mammo.specs.class_names import PLAIN, ClassNames, capital

WORDS = {"calc": "Calcification", "mass": "Mass", "BENIGN_WITHOUT_CALLBACK": "Benign, not called back"}
UNKNOWN = "not given"


def display_value(value: object, classes: ClassNames = PLAIN) -> str:
    """A value of a column as it is shown; pathologies carry the names of the classes."""
    if str(value) in ("", "<NA>", "None", "nan"):
        return UNKNOWN
    words = WORDS | {label.upper(): capital(name) for label, name in classes.by_label.items()}
    return words.get(str(value), str(value))


def counted_images(count: int) -> str:
    """A number of images in words: `1 image`, `1,234 images`."""
    return f"{count:,} image{'' if count == 1 else 's'}"
