"""Widgets that choose: each keeps its choice in the address, so that a link shares a view."""

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
from pages.serving.places import nothing_yet
from pages.shared.base import address, show

AUTO = "auto"
STRETCHED = "Pictures are shown as bright as a trunk sees them. Stretched, the brightest parts of each become white."


def home() -> Home:
    """The home folder that this server shows."""
    return Home.default()


def one(label: str, options: Sequence[Any], key: str, named: Callable[[Any], str] = str, **more: Any) -> Any:
    """One of `options`; an address that names none of them gives the first. Raises MammoError where there are none."""
    if not options:
        raise MammoError(f"There is nothing to choose under “{label}”.")
    wrong = misread(key, options, named, last=True)
    chosen = st.selectbox(label, options, key=key, bind="query-params", format_func=named, **more)
    chosen = chosen if chosen in options else options[0]
    address.settle(key, label, wrong, named(chosen))
    return chosen


def several(label: str, options: Sequence[Any], key: str, named: Callable[[Any], str] = str, **more: Any) -> list[Any]:
    """Some of `options`; raises MammoError where none is chosen."""
    kept = any_of(label, options, key, named, **more)
    if not kept:
        raise MammoError(f"Choose at least one entry under “{label}”.")
    return kept


def any_of(label: str, options: Sequence[Any], key: str, named: Callable[[Any], str] = str, **more: Any) -> list[Any]:
    """Some of `options`, or none."""
    new = more.get("accept_new_options")
    wrong = [] if new else misread(key, options, named)
    chosen = st.multiselect(label, options, key=key, bind="query-params", format_func=named, **more)
    kept = [option for option in chosen if option in options or new]
    address.settle(key, label, wrong, ", ".join(named(option) for option in kept))
    return kept


def misread(key: str, options: Sequence[Any], named: Callable[[Any], str], last: bool = False) -> list[str]:
    """What the address asks for that is none of `options`; of several values the last alone counts where it is so.

    An address holds what a list shows, as Streamlit writes it. What names an option otherwise, by its name in the
    package or in other letters, is written so, and the page is run again.
    """
    texts = address.asked(key)
    if texts is None:
        return []
    texts = texts[-1:] if last else texts
    shown = {named(option): str(option) for option in options}
    meant = [text if text in shown else _meant(text, shown) for text in texts]
    known = [text for text in meant if text is not None]
    if known and not set(known) <= set(texts):
        address.rewrite(key, known)
    return [text for text, label in zip(texts, meant, strict=True) if label is None]


def _meant(text: str, shown: Mapping[str, str]) -> str | None:
    """What is shown of the option that a text names: by its name, in other letters, or with its name at the end."""
    plainly = _plainly(text)
    for label, name in shown.items():
        if plainly in (_plainly(name), _plainly(label)) or (name and text.endswith(f"({name})")):
            return label
    return None


def _plainly(text: str) -> str:
    """A text in small letters and without the hyphens of `built-in`, which older links write `builtin`."""
    return re.sub(r"(?<=[a-z])-(?=[a-z])", "", text.strip().casefold())


def numbers(label: str, options: Sequence[str], key: str, **more: Any) -> list[float]:
    """Some of `options` or other numbers that are typed in; raises MammoError where one is no number."""
    chosen = several(label, options, key, accept_new_options=True, **more)
    try:
        return [_finite(number) for number in chosen]
    except ValueError:
        raise MammoError(f"“{label}” takes numbers such as {options[0]}, not {brief(', '.join(chosen))}.") from None


def _finite(number: str) -> float:
    if not math.isfinite(float(number)):
        raise ValueError(number)
    return float(number)


def entry(label: str, registry: Mapping[str, Any], key: str, **more: Any) -> str:
    """The name of one entry of a registry, shown by its label, its description as help."""
    about = [f"**{item.label}**: {item.description}" for item in registry.values() if hasattr(item, "description")]
    chosen = one(label, list(registry), key, lambda name: registry[name].label, help="\n\n".join(about) or None, **more)
    return str(chosen)


def entries(label: str, registry: Mapping[str, Any], key: str, **more: Any) -> list[str]:
    """The names of some entries of a registry, all of them unless told otherwise."""
    names = list(registry)
    return several(label, names, key, lambda name: registry[name].label, **{"default": names, **more})


def number(label: str, low: int, high: int, value: int, key: str, **more: Any) -> int:
    """A whole number between `low` and `high`."""
    try:
        chosen = st.number_input(label, low, high, value, key=key, bind="query-params", **more)
    except OverflowError:  # Streamlit fails on an address that names an endless number
        chosen = st.number_input(label, low, high, value, key=f"{key}-usual", **more)
    within = min(max(int(chosen), low), high)
    wrong = [text for text in (address.asked(key) or [])[-1:] if not _whole(text, low, high)]
    address.settle(key, label, wrong, str(within), f"which is no whole number from {low:,} to {high:,}")
    return within


def _whole(text: str, low: int, high: int) -> bool:
    try:
        return low <= float(text) <= high and float(text).is_integer()
    except ValueError:
        return False


def flag(label: str, key: str, widget: Callable[..., bool] = st.toggle, **more: Any) -> bool:
    """Whether something is switched on, off at first."""
    wrong = [text for text in (address.asked(key) or [])[-1:] if text.lower() not in ("true", "false")]
    chosen = widget(label, key=key, bind="query-params", **more)
    address.settle(key, label, wrong, "on" if chosen else "off", "which is neither true nor false")
    return chosen


def words(label: str, key: str, example: str, said: str) -> str:
    """What is typed in, without blanks around it."""
    typed = st.text_input(label, key=key, bind="query-params", placeholder=example, help=said)
    return str(typed or "").strip()


def draws(augment: str) -> int:
    """How many versions of each image an augmentation makes, asked only where there is a choice."""
    low, high = AUGMENTATIONS[augment].draws
    usual = AUGMENTATIONS[augment].default_draws
    return number("Draws of each image", low, high, usual, "draws") if low < high else usual


def precision() -> str:
    """The arithmetic of a trunk, the one that is fastest here unless another is chosen."""
    named = {AUTO: f"Fastest here: {fast_precision()}", **{name: item.label for name, item in PRECISIONS.items()}}
    chosen = str(one("Precision", list(named), "precision", named.__getitem__))
    return fast_precision() if chosen == AUTO else chosen


def brightness() -> bool:
    """Whether pictures are stretched, so that dark ones can be seen; else they are as bright as a trunk sees them."""
    return flag("Stretch brightness", "stretched", help=STRETCHED)


def slide(label: str, options: Sequence[Any], key: str, named: Callable[[Any], str], value: Any) -> Any:
    """One of `options` along a line, `value` at first."""
    wrong = misread(key, options, named, last=True)
    chosen = st.select_slider(label, options, value, format_func=named, key=key, bind="query-params")
    chosen = chosen if chosen in options else value
    address.settle(key, label, wrong, named(chosen))
    return chosen


def switch(label: str, options: Sequence[str], key: str, named: Callable[[str], str] = str.capitalize) -> str:
    """One of a few options, side by side."""
    wrong = misread(key, options, named, last=True)
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, format_func=named, key=key, bind="query-params"
    )
    chosen = chosen if chosen in options else options[0]
    address.settle(key, label, wrong, named(chosen))
    return chosen


def dataset(place: Home) -> Dataset:
    """One of the data sets of a home, with what must be known of it; where there is none, the page ends with that."""
    names = datasets(place)
    if not names:
        nothing_yet("There is no data set yet. Make a phantom or index mammograms on the Data page first.", "data")
    chosen = Dataset.open(place, one("Data set", names, "dataset"))
    show.warnings(chosen.notes)
    return chosen
