"""A run's settings as the choices of the Sweep page."""

from typing import Any
from urllib.parse import urlencode

import streamlit as st

from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import SPLITS
from mammo.heads.choices import CHOICES
from mammo.runs.stored_run import StoredRun
from mammo.specs import Axis, HeadSpec
from mammo.specs.head_spec import HEAD_AXES


def link(run: StoredRun) -> None:
    """A link to the Sweep page with everything chosen as in a run; it opens beside this page, which stays as it is."""
    address = f"sweep?{urlencode(choices(run))}"
    st.link_button(
        "Use its settings", address, icon=":material/content_copy:", help="Opens the Sweep page beside this."
    )


def choices(run: StoredRun) -> dict[str, str]:
    """What the Sweep page's address says when all is chosen as in a run."""
    settings = run.settings
    tuned = settings["finetune"] != "none"
    chosen = {
        "dataset": run.sweep.about["dataset"]["name"],
        "tuned_caches" if tuned else "caches": settings["cache"],
        "protocol": SPLITS[settings["protocol"]].label,
        "labels": LABELS[settings["labels"]].label,
        "split_seed": settings["split_seed"],
    }
    head = HeadSpec(**{name: axis.kind(settings[name]) for name, axis in HEAD_AXES.items()})
    for name, axis in HEAD_AXES.items():
        if not axis.form.count and axis.used_by(head):
            chosen[axis.form.key or name] = _as_offered(name, axis, settings[name])
    return {name: str(value) for name, value in chosen.items()}


def _as_offered(name: str, axis: Axis, value: Any) -> str:
    """A value as the form's field shows it: by its label, as a list offers it, or plainly."""
    if axis.choices:
        return CHOICES[name].entries[value].label
    return next((text for text in axis.form.offered if float(text) == value), f"{value:g}")
