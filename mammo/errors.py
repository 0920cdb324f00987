"""The one kind of error that a user is meant to read."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """What a library's error says, in one line of at most 160 letters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


class MammoError(Exception):
    """Something the user can mend: one sentence that says what is wrong and what to do."""
