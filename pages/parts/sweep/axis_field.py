"""The field of a form that asks for one axis of a grid of heads."""

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any

from mammo.errors import MammoError, brief
from mammo.heads.choices import CHOICES
from mammo.heads.grid import check_values
from mammo.specs import PROBE, Axis, HeadSpec
from pages.shared.base import choose
from pages.shared.base.fields import Fields


def is_one_number(axis: Axis) -> bool:
    """Whether the field of an axis takes one number, so that several such fields fit side by side."""
    return not (axis.choices or axis.form.several or axis.form.count)


def ask_axis(name: str, axis: Axis, others: Mapping[str, list[Any]], fields: Fields) -> dict[str, list[Any]]:
    """The values of an axis by its name; nothing where no head of the axes asked for before uses it."""
    if not any(axis.used_by(HeadSpec(**settings)) for settings in _settings(others)):
        return {}
    values = fields.axis(partial(_values, name, axis), partial(check_values, name))
    return {name: values}


def _settings(axes: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the names that were chosen; numbers stay at their defaults."""
    named = {name: values for name, values in axes.items() if name in CHOICES and values}
    return [dict(zip(named, values, strict=True)) for values in itertools.product(*named.values())]


def _values(name: str, axis: Axis) -> list[Any]:
    form = axis.form
    label, key = form.label or axis.label, form.key or name
    if axis.choices:
        return _choices(name, axis, label, key)
    if form.count:
        return [*range(choose.number(label, 1, form.most or 1, 1, key, help=sentence(axis.help)))]
    if form.several:
        first = [str(value) for value in form.first] or [f"{axis.default:g}"]
        return _numbers(axis, label, choose.numbers(label, form.offered, key, default=first, help=sentence(axis.help)))
    (first_value,) = form.first or (axis.default,)
    assert axis.bounds is not None
    least, most = int(axis.bounds.least), int(form.most or axis.bounds.most)
    return [choose.number(label, least, most, first_value, key, help=sentence(axis.help), width=150)]


def _choices(name: str, axis: Axis, label: str, key: str) -> list[Any]:
    entries = {entry: choice for entry, choice in CHOICES[name].entries.items() if entry != PROBE}
    if axis.form.several:
        return [*choose.entries(label, entries, key, default=list(axis.form.first) or [axis.default])]
    return [choose.entry(label, entries, key)]


def _numbers(axis: Axis, label: str, numbers: list[float]) -> list[Any]:
    """The numbers as the axis holds them; raises MammoError where one is to be whole and is not."""
    if axis.kind is not int:
        return [*numbers]
    if broken := [number for number in numbers if not number.is_integer()]:
        raise MammoError(f"“{label}” takes whole numbers such as 64, not {brief(broken[0])}.")
    return [int(number) for number in numbers]


def sentence(text: str) -> str:
    """A text with a capital letter in front and a full stop behind."""
    return f"{text[:1].upper()}{text[1:]}."
