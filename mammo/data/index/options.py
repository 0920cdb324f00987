"""What a user says of how files are read."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.data.depths.record import check_bits


@dataclass(frozen=True)
class ReadingOptions:
    """How the files of a data set are read.

    `bits` says how deep films are whose containers do not tell: `auto`, `container`, a number, or nothing, which keeps
    what was decided before. With `colour_marks` coloured marks on a grey picture do not lose it. Raises MammoError
    where `bits` is anything else.
    """

    bits: str = ""
    colour_marks: bool = False

    def __post_init__(self) -> None:
        check_bits(self.bits)


PLAIN = ReadingOptions()
