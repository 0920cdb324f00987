"""Luck: the share of the winner's validation AUC that is due to the number of heads tried (selection bias)."""

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

EXPLANATION = (
    "The best of many equally good heads looks better than it is. The band shows where chance alone puts the best of "
    "as many heads with scores as similar as these, in nine cases of ten. An AUC beyond the band is skill; the part "
    "within it may not recur on other {unit}."
)
ALIKE = ["dataset", "level", "protocol", "labels", "split_seed", "redraw", "n_validation"]
"""Columns that are equal for runs validated on the same images."""


def luck(_home: Home, leaderboard: Leaderboard, _runs: list[StoredRun], note: str, _criterion: Criterion) -> None:
    """The selection bias on one set of validation images."""
    if not leaderboard.biases:
        st.info(
            f"Luck is measured among at least two heads, validated on at least {FEWEST} patients of each class.",
            icon=":material/info:",
        )
        return
    bias_of_winner = {bias["winner"]: bias for bias in leaderboard.biases}
    winner = next(iter(bias_of_winner))
    if len(bias_of_winner) > 1:
        question = f"Best on each set of validation {unit_of(leaderboard.biases[0]['level'])}"
        winner = choose.one(question, list(bias_of_winner), "winner", leaderboard.names.__getitem__)
    bias, runs = bias_of_winner[winner], leaderboard.runs
    own = runs.loc[runs["run"] == winner, ALIKE].iloc[0]
    heads = runs.loc[(runs[ALIKE] == own).all(axis=1), "validation_auc"].dropna()
    show.facts(
        {
            "Heads": bias["heads"],
            "Worth independent heads": f"{bias['independent_heads']:,.1f}",
            "Margin owed to chance": f"{100 * bias['explained']:.0f} %",
            "Validation AUC": _between(bias, "validation"),
            "Validation AUC less luck, at worst": f"{bias['discounted_auc']:.3f}",
            "Test AUC": _between(bias, "test"),
        }
    )
    show.figure(luck_figure(bias, heads, note, show.dark()), "luck")
    unit = unit_of(bias["level"])
    st.markdown(f"{_words(bias)} n: {bias['n_validation']} validation and {bias['n_test']} test {unit}.")
    if bias["leaked"]:
        st.warning(f"Train has seen some of the test {unit}: the winner's test AUC comes out too high.")
    st.caption(EXPLANATION.format(unit=unit))


def luck_line(leaderboard: Leaderboard) -> None:
    """A line on how much of the leaderboard's best validation AUC chance explains."""
    if leaderboard.biases:
        bias = leaderboard.biases[0]
        st.caption(
            f":material/casino: **Chance explains {100 * bias['explained']:.0f} % of the winner's margin**: of "
            f"{bias['heads']:,} equally good heads the best would lie {bias['expected_margin']:.3f} above their mean "
            f"validation AUC, and it lies {bias['margin']:.3f} above it. See *Luck*."
        )


def _words(bias: dict[str, Any]) -> str:
    """The selection bias in one or two sentences."""
    sentences = (
        f"Were all {bias['heads']:,} heads equally good, the best would lie {bias['expected_margin']:.3f} above "
        f"their mean validation AUC by chance, at most {bias['margin_limit']:.3f} in 95 % of cases; the winner lies "
        f"{bias['margin']:.3f} above it."
    )
    tied = bias["tie_group"]
    if tied and tied["heads"] < bias["heads"]:
        sentences += (
            f" Of the {tied['heads']:,} of its tie group the best would lie {tied['expected_margin']:.3f} above their "
            f"mean; it lies {tied['margin']:.3f} above that."
        )
    return sentences


def _between(bias: dict[str, Any], part: str) -> str:
    reason = bias[f"{part}_interval_reason"] or ""
    return value_words(bias[f"{part}_auc"], bias[f"{part}_auc_interval"], reason=reason)
