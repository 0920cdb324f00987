"""Errors that a user can act on."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 160 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


BRIEF = 80
"""Most characters of a value that a message shows."""


def brief(value: object) -> str:
    """Return a value as a message shows it, cut after `BRIEF` characters; its type where Python cannot print it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, deeply nested lists
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= BRIEF else f"{text[:BRIEF]}…"


class MammoError(Exception):
    """An error that the user can mend: one sentence that says what is wrong and what to do."""


@dataclass(frozen=True)
class DamagedItem:
    """A damaged data set, sweep or other stored item: kind and name, the file at fault, the reason and the remedy."""

    kind: str
    name: str
    file: str
    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """The damage in one sentence."""
        return f"The {self.kind} {self.name!r} is damaged: {self.file} {self.reason}; {self.remedy}."


class DamagedError(MammoError):
    """One stored item cannot be opened because it is damaged; `damaged` describes it. Other items can be opened."""

    def __init__(self, damaged: DamagedItem, sentence: str = "") -> None:
        super().__init__(sentence or damaged.sentence)
        self.damaged = damaged


class TransientError(MammoError):
    """A fault of the machine, such as a network drive that does not answer: the file itself may be sound."""


TRANSIENT = frozenset({
    errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT,
    errno.ENETDOWN, errno.ENETUNREACH, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH,
})  # fmt: skip
"""The system's error numbers that do not show a fault of the file."""


def read_error(error: OSError) -> MammoError:
    """Return the system's error about a file as a TransientError or a MammoError, with the system's message."""
    reason = error.strerror or str(error)
    return TransientError(reason) if error.errno in TRANSIENT else MammoError(reason)


@contextlib.contextmanager
def clear_read_errors() -> Iterator[None]:
    """Turn every OSError into a TransientError or a MammoError, with the system's message."""
    try:
        yield
    except OSError as error:
        raise read_error(error) from None
