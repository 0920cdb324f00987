"""Ensembles of ticked runs: named in the address, listed in the leaderboard, made of stored scores."""

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
SAID = (
    "One more row of the leaderboard: the scores of these runs, each brought to its own temperature on validation, as "
    "one. Nothing is trained."
)


def asked(home: Home) -> tuple[str, ...]:
    """The ensembles that the address names; one that cannot be made is said and left out."""
    kept = []
    for name in filter(None, st.query_params.get(KEY, "").split(",")):
        try:
            kept.append(_made(home, name))
        except MammoError as error:
            st.warning(plain(error), icon=":material/warning:")
    return tuple(dict.fromkeys(kept))


def offer(home: Home, chosen: Sequence[str]) -> None:
    """Offer to list the ticked runs as one, and to list no ensembles any more."""
    members = tuple(dict.fromkeys(member for run in chosen for member in RunName.parse(run).members))
    listed = st.query_params.get(KEY, "")
    way = choose.one("Ensembles by", WAYS, "combine", lambda name: FUSIONS[name].label, width=170)
    label = f"Add the ensemble of {count_words(len(members), 'run')}"
    if st.button(label, disabled=len(members) < 2, icon=":material/merge:", help=SAID):
        _add(home, RunName(members, way), listed)
    if listed and st.button("Remove ensembles", icon=":material/close:", type="tertiary"):
        del st.query_params[KEY]
        st.rerun()


def _add(home: Home, name: RunName, listed: str) -> None:
    made = _made(home, str(name))
    st.query_params[KEY] = ",".join(filter(None, (listed, made)))
    st.query_params["runs"] = ",".join(filter(None, (st.query_params.get("runs", ""), made)))
    st.rerun()


def _made(home: Home, text: str) -> str:
    """The name of an ensemble at the level of images; raises MammoError where it cannot be made."""
    name = RunName.parse(text)
    name = RunName(name.members, name.combine)
    open_run_sweep(home, name)
    return str(name)
