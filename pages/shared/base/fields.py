"""The fields of a form, each with its own error: it stands beneath the field, and the other fields stay as they are."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from mammo.errors import MammoError
from pages.shared.base.text import plain

Answer = TypeVar("Answer")


class Fields:
    """The fields of one run of a page; `lacking` counts those without a usable value."""

    def __init__(self) -> None:
        self.lacking = 0

    def ask(self, ask: Callable[[], Answer]) -> Answer | None:
        """The value of a field; None where `ask` raises MammoError, whose sentence is then shown beneath the field."""
        try:
            return ask()
        except MammoError as error:
            self.lacking += 1
            st.markdown(f":red[{plain(error)}]")
            return None

    def axis(self, ask: Callable[[], list[object]], check: Callable[[list[object]], None]) -> list[object]:
        """The values of an axis; empty where none is chosen or `check` raises MammoError for one of them."""

        def checked() -> list[object]:
            values = ask()
            check(values)
            return values

        return self.ask(checked) or []
