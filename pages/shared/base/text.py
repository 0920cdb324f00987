"""Text from files and users in the page's markdown: it is shown literally."""

import re

import pandas as pd

SPECIAL = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: object) -> str:
    """A text in one line with all markdown signs escaped: no link, no picture, no formula."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def exposure(row: pd.Series) -> str:
    """Breast and view of a mammogram where they are known, such as `Left breast, CC view`."""
    parts = {"breast": str(row["breast"] or "").capitalize(), "view": row["view"]}
    return plain(", ".join(f"{value} {name}" for name, value in parts.items() if value))
