"""The options with which the files of a data set are read."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.data.depths.record import check_bits


@dataclass(frozen=True)
class ReadingOptions:
    """How the files of a data set are read.

    `bits` is the depth of films whose containers do not state it: `auto`, `container`, a number, or empty, which keeps
    an earlier decision. With `colour_marks`, coloured marks on a grey picture do not exclude it. Raises MammoError
    where `bits` is anything else.
    """

    bits: str = ""
    colour_marks: bool = False

    def __post_init__(self) -> None:
        check_bits(self.bits)


PLAIN = ReadingOptions()
