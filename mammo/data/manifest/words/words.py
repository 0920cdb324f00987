"""Words as people type them into cells: what counts as the same word, and which words say that nothing is known."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
"""Characters that nobody sees: the soft hyphen, spaces without width, the byte order mark."""
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Letters and digits as East Asian keyboards write them, and the plain ones they stand for."""
MISSING = frozenset(
    """
    nan|none|null|nil|na|n/a|n.a.|n.a|n\\a|n/k|#n/a|#na|#value!|#ref!|#null!|#div/0!|#name?|#num!|nat|<na>|<nan>|<null>|(null)
    |\\n|-|--|---|–|—|−|.|..|...|…|?|??|???|*|unknown|unk|unkn|not available|not applicable|not known|not reported
    |not recorded|not specified|not stated|not given|not assessed|not done|not evaluated|not determined|unspecified
    |undefined|unavailable|undetermined|missing|no data|no information|no value|blank|empty|pending|tbd
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
"""Cells, in small letters, that say that a value is not there, beside the empty cell."""
WHOLE_FLOAT = re.compile(r"(-?\d+)(?:\.0*|,(?!000$)0*)")
BELOW_ZERO = re.compile(r"[-−–]\s*\d+([.,]\d*)?")
"""A number below zero, whose sign is no hyphen."""
ROUNDED = re.compile(r"-?\d([.,]\d+)?e\+?\d+", re.IGNORECASE)
"""A long number as a spreadsheet shows it, its last digits gone: 1.23457E+12."""


def trimmed(text: str) -> str:
    """A cell without white space or invisible characters around it."""
    if text.isascii():
        return text.strip()
    return re.sub(rf"^[\s{_INVISIBLE}]+|[\s{_INVISIBLE}]+$", "", text)


def composed(text: str) -> str:
    """A cell without invisible or full-width characters, runs of white space as one space, composed (NFC)."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(INVISIBLE).translate(FULL_WIDTH))
    return " ".join(text.split())


def is_missing(text: str) -> bool:
    """Whether a cell is empty or says that its value is not known."""
    word = " ".join(composed(text).casefold().replace("_", " ").split()).strip("'\"")
    return not word or word in MISSING


def word_key(text: str) -> str:
    """What two spellings of a word have in common: case, hyphens, underscores and the .0 of a float do not count."""
    plain = composed(text).casefold()
    if BELOW_ZERO.fullmatch(plain):
        return plain_number("-" + plain[1:].strip())
    return plain_number(re.sub(r"[\s_-]+", " ", plain).strip() or plain)


def plain_number(text: str) -> str:
    """A whole number without the .0 that tables with gaps give it; any other text as it is."""
    match = WHOLE_FLOAT.fullmatch(text)
    return match[1] if match else text


def identity(text: str) -> str:
    """Whom a cell names: `1000`, `1000.0` and ` 1000 ` are one patient; `0012` and `12` are two."""
    return plain_number(composed(text))


_INVISIBLE = "".join(map(chr, INVISIBLE))
