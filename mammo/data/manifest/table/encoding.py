"""The text of a file as editors, spreadsheets and Windows programs save it."""

from __future__ import annotations

import codecs
from pathlib import Path

from mammo.errors import MammoError

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The byte order marks at the start of a file and their encodings; the first match counts."""
KINDS = {
    b"\x1f\x8b": "compressed (gzip); unpack it first",
    b"PAR1": "a Parquet file; save it as CSV",
    b"%PDF": "a PDF; a table is needed as CSV",
    b"\x89PNG": "a picture; give the CSV that lists the pictures",
    b"\xff\xd8\xff": "a picture; give the CSV that lists the pictures",
    b"SQLite format 3": "a database; save its table as CSV",
}
"""The first bytes of files that are no text, and what to do with such a file."""


def read_text(path: Path) -> tuple[str, list[str]]:
    """Return the text of a file, and a note where its encoding had to be guessed.

    UTF-8, UTF-16 and UTF-32 are recognised. Bytes that are no UTF-8 are read one by one as Windows-1252, so that one
    odd name damages no other row. Raises MammoError where the file is no text.
    """
    content = path.read_bytes()
    for start, kind in KINDS.items():
        if content.startswith(start):
            raise MammoError(f"{path} is {kind}.")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), _without_mark(content))
    try:
        return content.decode(encoding), []
    except UnicodeError:
        if encoding != "utf-8":
            raise MammoError(f"{path} is not in UTF-8; save it as “CSV UTF-8”, as spreadsheets call it.") from None
    text = content.decode("utf-8", errors=FALLBACK)
    line = content[: _first_odd(content)].count(b"\n")
    example = text.split("\n")[line].strip()[:60]
    note = f"The file is not in UTF-8: other letters were read as Windows-1252 (line {line + 1}: {example!r})."
    return text, [note]


def _without_mark(content: bytes) -> str:
    """Guess the encoding of a file without a mark: in UTF-16 every second byte of ASCII letters is 0; else UTF-8."""
    head = content[:200]
    for encoding, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if len(head) > 3 and not any(zeros) and all(letters):
            return encoding
    return "utf-8"


def _first_odd(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte = error.object[error.start : error.start + 1]
    try:
        return byte.decode("cp1252"), error.start + 1
    except UnicodeDecodeError:
        return byte.decode("latin-1"), error.start + 1


FALLBACK = "mammo-windows-1252"
codecs.register_error(FALLBACK, _as_windows)
