"""One table of axes: whatever a run can differ in follows in identities, banks, grids, words, the form and the help."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from mammo.axes import AXES
from mammo.cli import parser
from mammo.errors import MammoError
from mammo.heads.bank.plan import group_heads
from mammo.heads.choices import CHOICES
from mammo.heads.grid import expand
from mammo.heads.grid_file import read_grid
from mammo.heads.sweeps.plan import identifying
from mammo.jobs.requests import SweepRequest
from mammo.results.board.leaderboard import SETTINGS
from mammo.results.setting_words import setting_words
from mammo.runs.sweep_files import OF_EARLIER, RUN_COLUMNS
from mammo.specs import PROBE, HeadSpec, SplitSpec, SweepSpec
from mammo.specs.head_spec import HEAD_AXES
from pages.shared.base.address import KNOWN

ANOTHER: dict[str, Any] = {
    "pool": "gap", "hidden": 8, "dropout": 0.5, "optimizer": "nadam", "lr": 1e-3, "batch": 16, "epochs": 3,
    "patience": 2, "seed": 1, "finetune": "last-layer", "tail_lr": 1e-4, "first_draws": 2, "scoring": "averaged",
    "weight_decay": 0.1, "loss": "focal", "pos_weight": 4.0, "gamma": 1.0,
}  # fmt: skip
"""A value of every axis of a head that is not its default."""
BESIDE: dict[str, dict[str, Any]] = {
    "tail_lr": {"finetune": "last-layer"},
    "weight_decay": {"optimizer": "adamw"},
    "pos_weight": {"loss": "weighted"},
    "gamma": {"loss": "focal"},
}
"""What a head must have for an axis to say anything of it."""
TOGETHER = {"optimizer", "lr", "epochs", "patience", "scoring", "weight_decay"}
"""The axes in which heads of one bank can differ; a hidden layer's dropout is another."""


def pair(name: str) -> tuple[HeadSpec, HeadSpec]:
    """Two heads that differ in one axis."""
    head = HeadSpec(**BESIDE.get(name, {}))
    return head, dataclasses.replace(head, **{name: HEAD_AXES[name].default for name in BESIDE} | {name: ANOTHER[name]})


def sweep_of(*heads: HeadSpec) -> SweepSpec:
    return SweepSpec("tiny", ("cache",), heads, (SplitSpec(),))


def test_every_field_of_a_head_is_an_axis_with_words_and_a_sample_here():
    assert list(HEAD_AXES) == [field.name for field in dataclasses.fields(HeadSpec)] == list(ANOTHER)
    assert all(axis.label and axis.help for axis in HEAD_AXES.values())
    assert {name for name, axis in HEAD_AXES.items() if axis.choices} == set(CHOICES)
    assert all(axis.absent is not None for axis in HEAD_AXES.values() if axis.since > 1)


@pytest.mark.parametrize("name", HEAD_AXES)
def test_every_axis_changes_the_identity_of_a_sweep(name):
    first, second = (identifying(sweep_of(head)) for head in pair(name))
    assert first != second


@pytest.mark.parametrize("name", [name for name, axis in HEAD_AXES.items() if axis.since > 1])
def test_an_axis_of_a_later_version_leaves_earlier_identities_alone(name):
    absent = HEAD_AXES[name].absent
    head = HeadSpec(**({} if name in BESIDE else {name: absent}))
    assert getattr(head, name) == absent and name not in identifying(sweep_of(head))["heads"][0]
    stored = {key: value for key, value in head.to_json().items() if key != name}
    assert HeadSpec.from_json(stored) == head
    assert OF_EARLIER[name] == absent


@pytest.mark.parametrize("name", HEAD_AXES)
def test_heads_share_a_bank_only_where_their_axis_allows_it(name):
    first, second = pair(name)
    assert len(group_heads([first, second])) == (1 if name in TOGETHER else 2)
    hidden = [dataclasses.replace(head, hidden=8) for head in (first, second)]
    if name not in ("hidden", "finetune", "tail_lr"):
        assert len(group_heads(hidden)) == (1 if name in TOGETHER | {"dropout"} else 2)


@pytest.mark.parametrize("name", HEAD_AXES)
def test_every_axis_survives_json_grids_and_toml(name):
    _, head = pair(name)
    assert HeadSpec.from_json(head.to_json()) == head
    axes = {**BESIDE.get(name, {}), name: ANOTHER[name]}
    assert expand(axes) == (head,)
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in axes.items()]
    assert read_grid("\n".join(lines)).heads == (head,)


@pytest.mark.parametrize("name", AXES)
def test_every_axis_is_a_column_of_runs_and_a_word_of_their_names(name):
    if name != "precision":  # which runs of earlier versions do not say
        assert name in RUN_COLUMNS and name in SETTINGS
    if name in HEAD_AXES:
        runs = pd.DataFrame([head.to_json() for head in pair(name)])
        first, second = setting_words(runs)[name]
        assert first != second


@pytest.mark.parametrize("name", HEAD_AXES)
def test_every_axis_has_an_option_whose_help_names_its_choices_and_default(name, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["sweep", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    option = text.partition(f" --{name.replace('_', '-')} ")[2].partition(" --")[0]
    axis = HEAD_AXES[name]
    words = [axis.help, "default:", *(CHOICES[name].entries if axis.choices else ())]
    flat = option.replace(" ", "").replace("-", "")
    assert all(word.replace(" ", "").replace("-", "") in flat for word in words)


@pytest.mark.parametrize("name", HEAD_AXES)
def test_a_job_names_an_axis_that_is_not_as_usual(name):
    first, second = (SweepRequest(sweep_of(head)).settings for head in pair(name))
    assert first != second


@pytest.mark.parametrize("name", [name for name, axis in HEAD_AXES.items() if axis.bounds])
def test_a_number_beyond_its_bounds_is_refused_by_the_name_of_the_axis(name):
    bounds, label = HEAD_AXES[name].bounds, HEAD_AXES[name].label
    for value in (bounds.least - 1, bounds.most + 1):
        with pytest.raises(MammoError, match=f"(?i){label} must be"):
            HeadSpec(**{**BESIDE.get(name, {}), name: type(ANOTHER[name])(value)})


def test_an_axis_says_nothing_of_heads_that_do_not_use_it():
    probe = HeadSpec(optimizer=PROBE, lr=0.5, batch=7, seed=3)
    assert probe == HeadSpec(optimizer=PROBE)
    assert HeadSpec(tail_lr=0.5) == HeadSpec() and HeadSpec().tail_lr == 0


def test_the_address_of_the_form_may_name_every_axis():
    assert {axis.form.key or name for name, axis in HEAD_AXES.items()} <= KNOWN
