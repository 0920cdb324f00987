"""Views as people write them, with the side before or behind: `CC`, `LCC`, `R-MLO`, `left cc`, `MLO_R`."""

from __future__ import annotations

import re

from mammo.data.files.header.codes import VIEWS as ABBREVIATIONS
from mammo.data.manifest.words.words import word_key

VIEWS = {"cranio caudal": "CC", "craniocaudal": "CC", "mediolateral oblique": "MLO", "medio lateral oblique": "MLO"}
VIEWS |= {"mediolateral": "ML", "medio lateral": "ML", "lateromedial": "LM", "latero medial": "LM"}
VIEWS |= {view.casefold(): view for view in ABBREVIATIONS}
SIDES = {"l": "LEFT", "left": "LEFT", "left breast": "LEFT", "lt": "LEFT"}
SIDES |= {"r": "RIGHT", "right": "RIGHT", "right breast": "RIGHT", "rt": "RIGHT"}
_SIDE, _VIEW = (f"(?:{'|'.join(sorted(words, key=len, reverse=True))})" for words in (SIDES, VIEWS))
BOTH = re.compile(rf"(?P<before>{_SIDE})? ?(?P<view>{_VIEW}) ?(?P<behind>{_SIDE})?")
"""A view, with the side before or behind it."""


def read_projection(cell: str) -> tuple[str, str]:
    """Return the view that a cell names (an unusual one in capitals), and the side or an empty text."""
    match = BOTH.fullmatch(word_key(cell))
    if match is None or (match["before"] and match["behind"]):
        return cell.upper(), ""
    return VIEWS[match["view"]], SIDES.get(match["before"] or match["behind"], "")
