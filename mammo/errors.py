"""The one kind of error that a user is meant to read."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line of at most 160 letters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


BRIEF = 80
"""Letters of a value that a sentence names."""


def brief(value: object) -> str:
    """A value as a sentence names it, cut where it is long; one that Python cannot write is called by its type."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, lists within lists
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= BRIEF else f"{text[:BRIEF]}…"


class MammoError(Exception):
    """Something the user can mend: one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class DamagedItem:
    """A stored thing that is not what was written: its kind and name, the file at fault, why, and what mends it."""

    kind: str
    name: str
    file: str
    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        return f"The {self.kind} {self.name!r} is damaged: {self.file} {self.reason}; {self.remedy}."


class DamagedError(MammoError):
    """A stored thing cannot be opened because it is `damaged`; others are no worse for it."""

    def __init__(self, damaged: DamagedItem, sentence: str = "") -> None:
        super().__init__(sentence or damaged.sentence)
        self.damaged = damaged


class TransientError(MammoError):
    """A trouble of the machine's, such as a network drive that does not answer: the file may be sound."""


TRANSIENT = frozenset({
    errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT,
    errno.ENETDOWN, errno.ENETUNREACH, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH,
})  # fmt: skip
"""What the system says where it is not the file's fault that it cannot be read."""


def read_error(error: OSError) -> MammoError:
    """What the system says of a file that cannot be read, as the kind of error that it is."""
    reason = error.strerror or str(error)
    return TransientError(reason) if error.errno in TRANSIENT else MammoError(reason)


@contextlib.contextmanager
def clear_read_errors() -> Iterator[None]:
    """Turn what the system says into a MammoError or a TransientError."""
    try:
        yield
    except OSError as error:
        raise read_error(error) from None
