"""Luck: how much of the winner's validation AUC is owed to having tried so many heads."""

from typing import Any

import streamlit as st

from mammo.results.figures.comparison import luck_figure
from mammo.results.interval_words import value_words
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from mammo.statistics.few import FEWEST
from mammo.statistics.operating import Criterion
from pages.shared.base import choose, show
from pages.shared.forms.board import Leaderboard
from pages.shared.forms.reading import unit_of

SAID = (
    "Of many equally good heads the best still looks better than it is. The band is where chance alone puts the best "
    "of as many heads that score as much alike as these, in nine cases of ten. What the winner shows beyond it is "
    "skill; what it shows within it may not be seen again on other {unit}."
)
ALIKE = ["dataset", "level", "protocol", "labels", "split_seed", "redraw", "n_validation"]
"""What runs that were validated on the same images share."""


def luck(_home: Home, leaderboard: Leaderboard, _runs: list[StoredRun], note: str, _criterion: Criterion) -> None:
    """The optimism meter of one set of validation images."""
    if not leaderboard.meters:
        st.info(
            f"Luck is measured among two heads and more, validated on {FEWEST} patients of each class or more.",
            icon=":material/info:",
        )
        return
    places = {meter["winner"]: meter for meter in leaderboard.meters}
    winner = next(iter(places))
    if len(places) > 1:
        question = f"Best on each set of validation {unit_of(leaderboard.meters[0]['level'])}"
        winner = choose.one(question, list(places), "winner", leaderboard.names.__getitem__)
    meter, runs = places[winner], leaderboard.runs
    own = runs.loc[runs["run"] == winner, ALIKE].iloc[0]
    heads = runs.loc[(runs[ALIKE] == own).all(axis=1), "validation_auc"].dropna()
    show.facts(
        {
            "Heads": meter["heads"],
            "Worth independent heads": f"{meter['independent_heads']:,.1f}",
            "Margin owed to chance": f"{100 * meter['explained']:.0f} %",
            "Validation AUC": _between(meter, "validation"),
            "Validation AUC less luck, at worst": f"{meter['discounted_auc']:.3f}",
            "Test AUC": _between(meter, "test"),
        }
    )
    show.figure(luck_figure(meter, heads, note, show.dark()), "luck")
    unit = unit_of(meter["level"])
    st.markdown(f"{_words(meter)} n: {meter['n_validation']} validation and {meter['n_test']} test {unit}.")
    if meter["leaked"]:
        st.warning(f"Train has seen some of the test {unit}: the winner's test AUC comes out too high.")
    st.caption(SAID.format(unit=unit))


def luck_line(leaderboard: Leaderboard) -> None:
    """What must be thought of the first row of the leaderboard, in a line."""
    if leaderboard.meters:
        meter = leaderboard.meters[0]
        st.caption(
            f":material/casino: **Chance explains {100 * meter['explained']:.0f} % of the winner's margin**: of "
            f"{meter['heads']:,} equally good heads the best would lie {meter['expected_margin']:.3f} above their mean "
            f"validation AUC, and it lies {meter['margin']:.3f} above it. See *Luck*."
        )


def _words(meter: dict[str, Any]) -> str:
    """The optimism meter in a sentence or two."""
    said = (
        f"Were all {meter['heads']:,} heads equally good, the best would lie {meter['expected_margin']:.3f} above "
        f"their mean validation AUC by chance, at most {meter['margin_limit']:.3f} in 95 % of cases; the winner lies "
        f"{meter['margin']:.3f} above it."
    )
    tied = meter["tie_group"]
    if tied and tied["heads"] < meter["heads"]:
        said += (
            f" Of the {tied['heads']:,} of its tie group the best would lie {tied['expected_margin']:.3f} above their "
            f"mean; it lies {tied['margin']:.3f} above that."
        )
    return said


def _between(meter: dict[str, Any], part: str) -> str:
    reason = meter[f"{part}_interval_reason"] or ""
    return value_words(meter[f"{part}_auc"], meter[f"{part}_auc_interval"], reason=reason)
