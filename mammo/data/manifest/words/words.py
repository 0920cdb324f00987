"""Words as people type them into cells: which spellings are the same word, and which words mean "not known"."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
"""Invisible characters: the soft hyphen, spaces without width, the byte order mark."""
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Maps full-width letters and digits of East Asian keyboards to the usual ones."""
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
"""Cells, in lower case, that mean a missing value, in addition to the empty cell."""
WHOLE_FLOAT = re.compile(r"(-?\d+)(?:\.0*|,(?!000$)0*)")
BELOW_ZERO = re.compile(r"[-−–]\s*\d+([.,]\d*)?")
"""A number below zero, whose sign is no hyphen."""
ROUNDED = re.compile(r"-?\d([.,]\d+)?e\+?\d+", re.IGNORECASE)
"""A long number as a spreadsheet shows it, without its last digits: 1.23457E+12."""


def trimmed(text: str) -> str:
    """A cell without white space or invisible characters around it."""
    if text.isascii():
        return text.strip()
    return re.sub(rf"^[\s{_INVISIBLE}]+|[\s{_INVISIBLE}]+$", "", text)


def composed(text: str) -> str:
    """A cell in Unicode form NFC, without invisible or full-width characters, and with single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(INVISIBLE).translate(FULL_WIDTH))
    return " ".join(text.split())


def is_missing(text: str) -> bool:
    """Whether a cell is empty or says that its value is not known."""
    word = " ".join(composed(text).casefold().replace("_", " ").split()).strip("'\"")
    return not word or word in MISSING


def word_key(text: str) -> str:
    """The form that all spellings of a word share: case, hyphens, underscores and the .0 of a float do not count."""
    plain = composed(text).casefold()
    if BELOW_ZERO.fullmatch(plain):
        return plain_number("-" + plain[1:].strip())
    return plain_number(re.sub(r"[\s_-]+", " ", plain).strip() or plain)


def plain_number(text: str) -> str:
    """A whole number without the .0 that columns with missing values add; any other text as it is."""
    match = WHOLE_FLOAT.fullmatch(text)
    return match[1] if match else text


def identity(text: str) -> str:
    """The identity that a cell names: `1000`, `1000.0` and ` 1000 ` are one patient; `0012` and `12` are two."""
    return plain_number(composed(text))


_INVISIBLE = "".join(map(chr, INVISIBLE))
