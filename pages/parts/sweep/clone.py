"""A run's settings as the choices of the Sweep page."""

from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import SPLITS
from mammo.heads.finetune import FINETUNES
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.runs.stored_run import StoredRun
from pages.parts.sweep.heads_form import DROPOUTS, RATES


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
        "finetune": FINETUNES[settings["finetune"]].label,
        "pool": POOLS[settings["pool"]].label,
        "optimizer": OPTIMIZERS[settings["optimizer"]].label,
        "protocol": SPLITS[settings["protocol"]].label,
        "labels": LABELS[settings["labels"]].label,
        "lr": _as_offered(settings["lr"], RATES),
        "hidden": settings["hidden"],
        "dropout": _as_offered(settings["dropout"], DROPOUTS),
        "split_seed": settings["split_seed"],
        **{name: settings[name] for name in ("epochs", "batch", "patience")},
    }
    if tuned:
        chosen["tail_lr"] = _as_offered(settings["tail_lr"], RATES)
    return {name: str(value) for name, value in chosen.items()}


def _as_offered(number: float, offered: Sequence[str]) -> str:
    """A number as a list writes it that offers it, or plainly."""
    return next((text for text in offered if float(text) == number), f"{number:g}")
