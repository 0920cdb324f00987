"""The address with which a page was opened; values that name nothing are reported above the page until a new choice.

Streamlit silently drops the values of an address that it does not understand and shows the default choice instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from mammo.specs.head_spec import HEAD_AXES
from pages.shared.base.text import plain

KEY = "address as opened"
LONGEST = 80
MOST = 200
"""The most values of one choice, and the most choices, that are read from an address."""

NAMES = """
along answers augment batch by caches combine crops_by dataset draws dropout ensembles epochs file
finetune from fuse grid hidden image kind label labels level lr mode model only optimizer page part
patience pool precision preprocess prevalence probes protocol recall_zero redraws resize row rows rule
run runs sample seed seeds settings size split_redraw split_seed splits state storage stretched sweep
tail_lr tap target test toml trunk trunks tuned_caches view weights winner work
"""
KNOWN = frozenset([*NAMES.split(), *(axis.form.key or name for name, axis in HEAD_AXES.items())])
"""The parameters of all pages and views, those of earlier versions included: a link may be meant for another one."""
STREAMLITS = ("embed", "embed_options")
"""Parameters that Streamlit itself reads."""


@dataclass
class Misread:
    """The sentence about a choice that the address misnames; it is shown while `chosen` stays the same."""

    sentence: str
    chosen: str


@dataclass
class Address:
    """The address with which a page was opened in this session, and the values in it that name nothing.

    `banner` is the empty element of the page that shows them.
    """

    page: str
    opened: dict[str, list[str]]
    banner: Any = None
    rewritten: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    misread: dict[str, Misread] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    """Sentences about the address as a whole, shown as long as the page is open."""
    shown: set[str] = field(default_factory=set)
    """The choices on the page in this run."""


def open_page(page: str, banner: Any = None) -> None:
    """Store the address when a page is opened, not when it runs again; messages about it go to `banner`."""
    address = st.session_state.get(KEY)
    if address is None or address.page != page:
        address = Address(page, {key: st.query_params.get_all(key) for key in list(st.query_params)[:MOST]})
        st.session_state[KEY] = address
        _note_unknown(address)
        _cut(address)
    address.shown.clear()
    address.banner = banner
    _show(address, [])


def _note_unknown(address: Address) -> None:
    """Store the message about parameters that no page has."""
    unknown = [key for key in address.opened if key not in KNOWN and key not in STREAMLITS]
    if unknown:
        address.messages.append(f"The address names what no page asks for, and it is passed over: {_quoted(unknown)}.")


def _cut(address: Address) -> None:
    """Keep only the first `MOST` values of a choice, so that no link makes huge widgets, and run the page again."""
    if long := [key for key, values in address.opened.items() if len(values) > MOST]:
        quoted = ", ".join(f"“{plain(_short(key))}” ({len(address.opened[key]):,})" for key in long[:5])
        address.messages.append(f"The address gives more values than are read: {quoted}. The first {MOST} are taken.")
        for key in long:
            address.opened[key] = address.opened[key][:MOST]
            st.query_params[key] = address.opened[key]
        st.rerun()


def requested(key: str) -> list[str] | None:
    """The values of a choice in the address as it was opened; None where it has none, or they were read already."""
    address = _address()
    return None if key in address.read else address.opened.get(key)


def rewrite(key: str, values: Sequence[str]) -> None:
    """Write values into the address as Streamlit understands them and run the page again; once for each choice."""
    address = _address()
    if key in address.rewritten:
        return
    address.rewritten.add(key)
    try:
        st.query_params[key] = list(values) if len(values) != 1 else values[0]
    except StreamlitAPIException:  # the visitor has chosen already
        return
    st.rerun()


def note_choice(key: str, label: str, wrong: Sequence[str], chosen: str, why: str = "which is not here") -> None:
    """Remember that the address asks for `wrong`, which does not exist, and that `chosen` is shown instead.

    The message disappears as soon as the visitor makes another choice.
    """
    address = _address()
    address.shown.add(key)
    if key not in address.read:
        address.read.add(key)
        if wrong:
            address.misread[key] = Misread(_sentence(label, wrong, chosen, why), chosen)
    elif key in address.misread and address.misread[key].chosen != chosen:
        del address.misread[key]
    if key in address.misread:
        _show(address, [misread.sentence for name, misread in address.misread.items() if name in address.shown])


def _show(address: Address, lines: Sequence[str]) -> None:
    """Show the messages about the address as a whole, then `lines` about its choices."""
    if address.banner is not None and (shown := [*address.messages, *lines]):
        address.banner.warning("  \n".join(shown), icon=":material/link_off:")


def _sentence(label: str, wrong: Sequence[str], chosen: str, why: str) -> str:
    shown = f"Shown: {plain(_short(chosen))}." if chosen else "Nothing is chosen."
    return f"{plain(label)}: the address asks for {_quoted(wrong)}, {why}. {shown}"


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"“{plain(_short(text))}”" for text in texts[:5]) + (" and more" if len(texts) > 5 else "")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _address() -> Address:
    if KEY not in st.session_state:
        open_page("")
    address: Address = st.session_state[KEY]
    return address
