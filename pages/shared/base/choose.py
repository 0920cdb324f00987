"""Widgets for choices; each stores its choice in the address, so that a link shares a view."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from mammo.data.dataset.dataset import Dataset, datasets
from mammo.errors import MammoError, brief
from mammo.features.precision import PRECISIONS, fast_precision
from mammo.images.augment import AUGMENTATIONS
from mammo.specs import Home
from pages.serving.navigation import nothing_yet
from pages.shared.base import address, show

AUTO = "auto"
STRETCHED = "Pictures are as bright as a trunk sees them. With this on, the brightest parts of each become white."


def home() -> Home:
    """The home folder that this server shows."""
    return Home.default()


def one(label: str, options: Sequence[Any], key: str, label_of: Callable[[Any], str] = str, **widget: Any) -> Any:
    """One of `options`, the first unless the address names another; raises MammoError where there are none."""
    if not options:
        raise MammoError(f"There is nothing to choose under “{label}”.")
    wrong = misread(key, options, label_of, last=True)
    chosen = st.selectbox(label, options, key=key, bind="query-params", format_func=label_of, **widget)
    chosen = chosen if chosen in options else options[0]
    address.note_choice(key, label, wrong, label_of(chosen))
    return chosen


def several(
    label: str, options: Sequence[Any], key: str, label_of: Callable[[Any], str] = str, **widget: Any
) -> list[Any]:
    """Some of `options`; raises MammoError where none is chosen."""
    choice = any_of(label, options, key, label_of, **widget)
    if not choice:
        raise MammoError(f"Choose at least one entry under “{label}”.")
    return choice


def any_of(
    label: str, options: Sequence[Any], key: str, label_of: Callable[[Any], str] = str, **widget: Any
) -> list[Any]:
    """Some of `options`, or none."""
    new = widget.get("accept_new_options")
    wrong = [] if new else misread(key, options, label_of)
    chosen = st.multiselect(label, options, key=key, bind="query-params", format_func=label_of, **widget)
    choice = [option for option in chosen if option in options or new]
    address.note_choice(key, label, wrong, ", ".join(label_of(option) for option in choice))
    return choice


def misread(key: str, options: Sequence[Any], label_of: Callable[[Any], str], last: bool = False) -> list[str]:
    """The values in the address that name none of `options`; with `last` only the last value of the address counts.

    Streamlit writes the label of an option into the address. A value that names an option in another way, by its name
    in the package or with other capitals, is replaced by the label, and the page runs again.
    """
    texts = address.requested(key)
    if texts is None:
        return []
    texts = texts[-1:] if last else texts
    shown = {label_of(option): str(option) for option in options}
    meant = [text if text in shown else _meant(text, shown) for text in texts]
    labels = [label for label in meant if label is not None]
    if labels and not set(labels) <= set(texts):
        address.rewrite(key, labels)
    return [text for text, label in zip(texts, meant, strict=True) if label is None]


def _meant(text: str, shown: Mapping[str, str]) -> str | None:
    """The label of the option that a text names: by its name, with other capitals, or with its name in brackets."""
    simplified = _simplified(text)
    for label, name in shown.items():
        if simplified in (_simplified(name), _simplified(label)) or (name and text.endswith(f"({name})")):
            return label
    return None


def _simplified(text: str) -> str:
    """A text in small letters and without inner hyphens: older links write `builtin` for `built-in`."""
    return re.sub(r"(?<=[a-z])-(?=[a-z])", "", text.strip().casefold())


def numbers(label: str, options: Sequence[str], key: str, **widget: Any) -> list[float]:
    """Some of `options` or other numbers that are typed in; raises MammoError where an entry is no number."""
    chosen = several(label, options, key, accept_new_options=True, **widget)
    try:
        return [_finite(number) for number in chosen]
    except ValueError:
        raise MammoError(f"“{label}” takes numbers such as {options[0]}, not {brief(', '.join(chosen))}.") from None


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(number)
    return float(number)


def entry(label: str, registry: Mapping[str, Any], key: str, **widget: Any) -> str:
    """The name of one entry of a registry; the list shows labels, the help their descriptions."""
    about = [f"**{item.label}**: {item.description}" for item in registry.values() if hasattr(item, "description")]
    chosen = one(
        label, list(registry), key, lambda name: registry[name].label, help="\n\n".join(about) or None, **widget
    )
    return str(chosen)


def entries(label: str, registry: Mapping[str, Any], key: str, **widget: Any) -> list[str]:
    """The names of some entries of a registry, all of them at first."""
    names = list(registry)
    return several(label, names, key, lambda name: registry[name].label, **{"default": names, **widget})


def number(label: str, low: int, high: int, value: int, key: str, **widget: Any) -> int:
    """A whole number between `low` and `high`."""
    try:
        chosen = st.number_input(label, low, high, value, key=key, bind="query-params", **widget)
    except OverflowError:  # Streamlit fails on an address that names an infinite number
        chosen = st.number_input(label, low, high, value, key=f"{key}-usual", **widget)
    within = min(max(int(chosen), low), high)
    wrong = [text for text in (address.requested(key) or [])[-1:] if not _whole(text, low, high)]
    address.note_choice(key, label, wrong, str(within), f"which is no whole number from {low:,} to {high:,}")
    return within


def _whole(text: str, low: int, high: int) -> bool:
    try:
        return low <= float(text) <= high and float(text).is_integer()
    except ValueError:
        return False


def flag(label: str, key: str, control: Callable[..., bool] = st.toggle, **widget: Any) -> bool:
    """Whether something is switched on, off at first."""
    wrong = [text for text in (address.requested(key) or [])[-1:] if text.lower() not in ("true", "false")]
    chosen = control(label, key=key, bind="query-params", **widget)
    address.note_choice(key, label, wrong, "on" if chosen else "off", "which is neither true nor false")
    return chosen


def text(label: str, key: str, example: str, help_text: str) -> str:
    """The text that is typed in, without spaces around it."""
    typed = st.text_input(label, key=key, bind="query-params", placeholder=example, help=help_text)
    return str(typed or "").strip()


def draws(augment: str) -> int:
    """The number of augmented versions of each image; there is a field only where the augmentation leaves a choice."""
    low, high = AUGMENTATIONS[augment].draws
    usual = AUGMENTATIONS[augment].default_draws
    return number("Draws of each image", low, high, usual, "draws") if low < high else usual


def precision() -> str:
    """The precision of a trunk; the fastest on this machine unless another is chosen."""
    labels = {AUTO: f"Fastest here: {fast_precision()}", **{name: item.label for name, item in PRECISIONS.items()}}
    chosen = str(one("Precision", list(labels), "precision", labels.__getitem__))
    return fast_precision() if chosen == AUTO else chosen


def brightness() -> bool:
    """Whether the brightness of pictures is stretched, so that dark ones can be seen."""
    return flag("Stretch brightness", "stretched", help=STRETCHED)


def slide(label: str, options: Sequence[Any], key: str, label_of: Callable[[Any], str], value: Any) -> Any:
    """One of `options` along a line, `value` at first."""
    wrong = misread(key, options, label_of, last=True)
    chosen = st.select_slider(label, options, value, format_func=label_of, key=key, bind="query-params")
    chosen = chosen if chosen in options else value
    address.note_choice(key, label, wrong, label_of(chosen))
    return chosen


def switch(label: str, options: Sequence[str], key: str, label_of: Callable[[str], str] = str.capitalize) -> str:
    """One of a few options, side by side."""
    wrong = misread(key, options, label_of, last=True)
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, format_func=label_of, key=key, bind="query-params"
    )
    chosen = chosen if chosen in options else options[0]
    address.note_choice(key, label, wrong, label_of(chosen))
    return chosen


def dataset(home_folder: Home) -> Dataset:
    """One of the data sets of a home, with warnings about it; where there is none, the page says so and ends."""
    names = datasets(home_folder)
    if not names:
        nothing_yet("There is no data set yet. Make a phantom or index mammograms on the Data page first.", "data")
    chosen = Dataset.open(home_folder, one("Data set", names, "dataset"))
    show.warnings(chosen.notes)
    return chosen
