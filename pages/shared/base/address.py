"""The address as it was opened: what of it names nothing here is said above the page until the visitor chooses anew.

Streamlit drops from an address what it does not understand and shows the usual choice instead, without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from pages.shared.base.text import plain

KEY = "address as opened"
LONGEST = 80
MOST = 200
"""As many values of one choice, and as many choices, as are read from an address."""


@dataclass
class Unmet:
    """What is said of one choice, as long as that stays as it is."""

    sentence: str
    chosen: str


@dataclass
class Address:
    """The address with which a page was opened in this session, and what of it was not understood.

    `spot` is the place on the page where that is said.
    """

    page: str
    opened: dict[str, list[str]]
    spot: Any = None
    rewritten: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    unmet: dict[str, Unmet] = field(default_factory=dict)
    cut: str = ""
    shown: set[str] = field(default_factory=set)
    """The choices that stand on the page as it is now."""


def arrive(page: str, spot: Any = None) -> None:
    """Take down the address where a page is opened, not where it runs again; what must be said of it goes to `spot`."""
    known = st.session_state.get(KEY)
    if known is None or known.page != page:
        known = Address(page, {key: st.query_params.get_all(key) for key in list(st.query_params)[:MOST]})
        st.session_state[KEY] = known
        _cut(known)
    known.shown.clear()
    known.spot = spot
    if known.cut and spot is not None:
        spot.warning(known.cut, icon=":material/link_off:")


def _cut(address: Address) -> None:
    """Leave of a choice with too many values the first, so that no link makes widgets of any size; and run anew."""
    if long := [key for key, values in address.opened.items() if len(values) > MOST]:
        named = ", ".join(f"“{plain(_short(key))}” ({len(address.opened[key]):,})" for key in long[:5])
        address.cut = f"The address gives more values than are read: {named}. The first {MOST} are taken."
        for key in long:
            address.opened[key] = address.opened[key][:MOST]
            st.query_params[key] = address.opened[key]
        st.rerun()


def asked(key: str) -> list[str] | None:
    """What the address asked for when the page was opened; None where it said nothing, or was read already."""
    address = _address()
    return None if key in address.read else address.opened.get(key)


def rewrite(key: str, values: Sequence[str]) -> None:
    """Write what the address means in the way in which Streamlit understands it, and run the page with that; once."""
    address = _address()
    if key in address.rewritten:
        return
    address.rewritten.add(key)
    try:
        st.query_params[key] = list(values) if len(values) != 1 else values[0]
    except StreamlitAPIException:  # the visitor has chosen already
        return
    st.rerun()


def settle(key: str, label: str, wrong: Sequence[str], chosen: str, why: str = "which is not here") -> None:
    """Keep what is to be said of a choice: that the address asked for `wrong`, and what is shown instead.

    It is forgotten as soon as something else is chosen.
    """
    address = _address()
    address.shown.add(key)
    if key not in address.read:
        address.read.add(key)
        if wrong:
            address.unmet[key] = Unmet(_sentence(label, wrong, chosen, why), chosen)
    elif key in address.unmet and address.unmet[key].chosen != chosen:
        del address.unmet[key]
    if key in address.unmet and address.spot is not None:
        lines = [unmet.sentence for name, unmet in address.unmet.items() if name in address.shown]
        address.spot.warning("  \n".join(filter(None, (address.cut, *lines))), icon=":material/link_off:")


def _sentence(label: str, wrong: Sequence[str], chosen: str, why: str) -> str:
    named = ", ".join(f"“{plain(_short(text))}”" for text in wrong[:5]) + (" and more" if len(wrong) > 5 else "")
    shown = f"Shown: {plain(_short(chosen))}." if chosen else "Nothing is chosen."
    return f"{plain(label)}: the address asks for {named}, {why}. {shown}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _address() -> Address:
    if KEY not in st.session_state:
        arrive("")
    address: Address = st.session_state[KEY]
    return address
