"""The guard that shows errors which a user can correct as one sentence in the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mammo.errors import MammoError
from pages.shared.base.text import plain


@contextmanager
def show_errors() -> Iterator[None]:
    """Show a MammoError as its sentence instead of a traceback."""
    try:
        yield
    except MammoError as error:
        st.error(plain(error), icon=":material/error:")
    except (MemoryError, RecursionError):
        st.error("This needs more memory than there is: choose less at once.", icon=":material/error:")
