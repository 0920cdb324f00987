"""A JPEG stripped to its picture: without comments and without metadata of cameras and programs."""

from __future__ import annotations

from mammo.errors import MammoError

START, SCAN, COMMENT = 0xD8, 0xDA, 0xFE
JFIF, LAST_APP = 0xE0, 0xEF


def bare_jpeg(content: bytes) -> bytes:
    """The bytes of a JPEG without its APP1 to APP15 and comment segments; raises MammoError where it is no JPEG."""
    if content[:2] != bytes((0xFF, START)):
        raise MammoError("A small picture of the data set is no JPEG; index the data set again.")
    segments, offset = [content[:2]], 2
    while offset + 4 <= len(content) and content[offset] == 0xFF:
        marker, size = content[offset + 1], int.from_bytes(content[offset + 2 : offset + 4], "big")
        if marker == SCAN:
            return b"".join([*segments, content[offset:]])
        if not (marker == COMMENT or JFIF < marker <= LAST_APP):
            segments.append(content[offset : offset + 2 + size])
        offset += 2 + size
    raise MammoError("A small picture of the data set is damaged; index the data set again.")
