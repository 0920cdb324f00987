"""Ensembles of ticked runs: the address names them, the leaderboard lists them, stored scores make them."""

from collections.abc import Sequence

import streamlit as st

from mammo.errors import MammoError
from mammo.runs.ensemble import open_run_sweep
from mammo.runs.fusion import FUSIONS
from mammo.runs.run_names import RunName
from mammo.specs import Home
from pages.shared.base import choose
from pages.shared.base.text import plain
from pages.shared.base.words import count_words

KEY = "ensembles"
WAYS = ("mean", "mean-logit")
HELP = (
    "Adds a row to the leaderboard: the combined scores of these runs, each scaled by its own temperature from "
    "validation. Nothing is trained."
)


def requested(home: Home) -> tuple[str, ...]:
    """The names of the ensembles in the address; a warning names each that cannot be made."""
    names = []
    for name in filter(None, st.query_params.get(KEY, "").split(",")):
        try:
            names.append(_checked_name(home, name))
        except MammoError as error:
            st.warning(plain(error), icon=":material/warning:")
    return tuple(dict.fromkeys(names))


def offer(home: Home, chosen: Sequence[str]) -> None:
    """Buttons that add an ensemble of the ticked runs to the leaderboard and remove all ensembles."""
    members = tuple(dict.fromkeys(member for run in chosen for member in RunName.parse(run).members))
    listed = st.query_params.get(KEY, "")
    way = choose.one("Ensembles by", WAYS, "combine", lambda name: FUSIONS[name].label, width=170)
    label = f"Add the ensemble of {count_words(len(members), 'run')}"
    if st.button(label, disabled=len(members) < 2, icon=":material/merge:", help=HELP):
        _add(home, RunName(members, way), listed)
    if listed and st.button("Remove ensembles", icon=":material/close:", type="tertiary"):
        del st.query_params[KEY]
        st.rerun()


def _add(home: Home, name: RunName, listed: str) -> None:
    name_text = _checked_name(home, str(name))
    st.query_params[KEY] = ",".join(filter(None, (listed, name_text)))
    st.query_params["runs"] = ",".join(filter(None, (st.query_params.get("runs", ""), name_text)))
    st.rerun()


def _checked_name(home: Home, text: str) -> str:
    """The name of an ensemble at the level of images; raises MammoError where it cannot be made."""
    name = RunName.parse(text)
    name = RunName(name.members, name.combine)
    open_run_sweep(home, name)
    return str(name)
