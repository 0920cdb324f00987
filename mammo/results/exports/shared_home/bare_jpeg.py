"""A JPEG with its picture alone: without comments, and without what cameras and programs write into one."""

from __future__ import annotations

from mammo.errors import MammoError

START, SCAN, COMMENT = 0xD8, 0xDA, 0xFE
JFIF, LAST_APP = 0xE0, 0xEF


def bare_jpeg(content: bytes) -> bytes:
    """The bytes of a JPEG without its APP1 to APP15 and comment segments; raises MammoError where it is none."""
    if content[:2] != bytes((0xFF, START)):
        raise MammoError("A small picture of the data set is no JPEG; index the data set again.")
    kept, place = [content[:2]], 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == SCAN:
            return b"".join([*kept, content[place:]])
        if not (marker == COMMENT or JFIF < marker <= LAST_APP):
            kept.append(content[place : place + 2 + size])
        place += 2 + size
    raise MammoError("A small picture of the data set is damaged; index the data set again.")
