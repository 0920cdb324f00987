"""Text of others in the page's markdown: it is shown as it is, whatever it holds."""

import re

import pandas as pd

SPECIAL = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: object) -> str:
    """A text in one line whose signs mean nothing to markdown: no link, no picture, no formula."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def exposure(row: pd.Series) -> str:
    """Breast and view of a mammogram, as far as they are known, such as `Left breast, CC view`."""
    told = {"breast": str(row["breast"] or "").capitalize(), "view": row["view"]}
    return plain(", ".join(f"{value} {name}" for name, value in told.items() if value))
