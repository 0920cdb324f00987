"""A form's fields, each answered for by itself: what one lacks is said beside it, and the others stay as they are."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from mammo.errors import MammoError
from pages.shared.base.text import plain

Answer = TypeVar("Answer")


class Fields:
    """The fields of one run of a page; `lacking` counts those that say nothing that can be used."""

    def __init__(self) -> None:
        self.lacking = 0

    def ask(self, ask: Callable[[], Answer]) -> Answer | None:
        """What a field holds; None where `ask` raises MammoError, whose sentence then stands beneath the field."""
        try:
            return ask()
        except MammoError as error:
            self.lacking += 1
            st.markdown(f":red[{plain(error)}]")
            return None

    def axis(self, ask: Callable[[], list[object]], check: Callable[[list[object]], None]) -> list[object]:
        """The values of an axis, each of which passes `check`; none where one does not, or none is chosen."""

        def checked() -> list[object]:
            values = ask()
            check(values)
            return values

        return self.ask(checked) or []
