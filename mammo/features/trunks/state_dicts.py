"""A network's tensors among those that a file holds, whatever names and tables were put around them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mammo.errors import MammoError

Tensors = dict[str, Tensor]
Translation = Callable[[Tensors], Mapping[str, Any]]

AVERAGED = {"ema", "teacher"}
"""Words in the name of weights that were averaged over the steps of training."""
BESIDE = {"student", "target", "momentum", "key", "k"}
"""Words in the name of networks that training kept beside the one that is meant."""
COUNTER = "num_batches_tracked"
"""The tensors of batch norms that change nothing outside training."""
LIKE = 0.2
"""The least share of a network's names from which on a file is taken for one of its like and compared by tensor."""
DEEPEST = 4
"""How many tables or modules may stand around a network whose names timm translates."""
THIRD = (
    "the first convolution takes one channel and was spread over three, a third each: the same function of greys "
    "normalised by one mean and deviation, which are 0.449 and 0.226 unless --mean and --std say otherwise"
)


@dataclass(frozen=True)
class Wanted:
    """The tensors that a trunk needs: their shapes by name, in order.

    `other_names` holds ways in which the same tensors are named elsewhere, each in words with the foreign name of
    every tensor. `translations` turn a state dict of other names into one of ours, and raise whatever they like.
    """

    trunk: str
    shapes: dict[str, tuple[int, ...]]
    other_names: dict[str, dict[str, str]]
    translations: dict[str, Translation]


@dataclass(frozen=True)
class Fitted:
    """A trunk's tensors as float32, and what was unwrapped and converted, in sentences."""

    tensors: Tensors
    notes: tuple[str, ...]

    def digest(self) -> str:
        """SHA-256 of names, shapes and float32 bytes."""
        content = hashlib.sha256(json.dumps([[name, list(one.shape)] for name, one in self.tensors.items()]).encode())
        for tensor in self.tensors.values():
            content.update(tensor.contiguous().numpy().tobytes())
        return content.hexdigest()


@dataclass(frozen=True)
class _Fit:
    """A place in a file at which a whole network stands: the names before its tensors, and the tensors by our names."""

    prefix: str
    tensors: Tensors
    names: str

    @property
    def rank(self) -> int:
        """0 for averaged weights, 2 for a network that training kept beside the one that is meant, else 1."""
        words = set(re.split(r"[._]", self.prefix.lower()))
        return 0 if words & AVERAGED else 2 if words & BESIDE else 1


def fitted(path: Path, found: Tensors, wanted: Wanted) -> Fitted:
    """The tensors of `wanted` among those `found` in a file, converted to float32; all others are passed over.

    Averaged weights (EMA, a teacher) are taken before plain ones, as those who train them use them. Raises MammoError
    naming what was found and what was sought where none fit, more than one do, or a number is not finite.
    """
    fits = list(_fits(found, wanted))
    if not fits:
        raise MammoError(f"The weights file {path} is not one of {wanted.trunk}: {_difference(found, wanted)}.")
    first = min(fits, key=lambda fit: (fit.rank, len(fit.prefix)))
    tensors, notes = _converted(path, first.tensors, wanted)
    equals = [fit for fit in fits if fit.rank == first.rank and not _same(fit.tensors, first.tensors)]
    if equals:
        named = ", ".join(_place(fit.prefix) for fit in [first, *equals])
        raise MammoError(
            f"The weights file {path} holds more than one network that fits {wanted.trunk} ({named}); "
            "save the one that is meant with torch.save(model.state_dict(), FILE)."
        )
    return Fitted(tensors, (*_unwrapped(first, fits), *notes))


def _fits(found: Tensors, wanted: Wanted) -> Iterator[_Fit]:
    """Every place at which all wanted tensors stand, in the wanted shapes."""
    whole = len(wanted.shapes)
    for names, foreign in _naming(wanted).items():
        for prefix, count in _prefixes(found, foreign).items():
            tensors = {name: found[prefix + other] for name, other in foreign.items()} if count == whole else {}
            if tensors and all(_takes(tensors[name], name, wanted) for name in tensors):
                yield _Fit(prefix, tensors, names)
    for names, translate in wanted.translations.items():
        yield from _translated(found, wanted, names, translate)


def _naming(wanted: Wanted) -> dict[str, dict[str, str]]:
    return {"": {name: name for name in wanted.shapes}, **wanted.other_names}


def _prefixes(found: Tensors, foreign: Mapping[str, str]) -> Counter[str]:
    """By what stands before them, how many of the names occur."""
    sought = set(foreign.values())
    counted: Counter[str] = Counter()
    for key in found:
        starts = [0, *(match.end() for match in re.finditer(r"\.", key))]
        counted.update(key[:start] for start in starts if key[start:] in sought)
    return counted


def _translated(found: Tensors, wanted: Wanted, names: str, translate: Translation) -> Iterator[_Fit]:
    for prefix, count in _tables(found).items():
        if 2 * count < len(wanted.shapes):
            continue
        inner = {key.removeprefix(prefix): tensor for key, tensor in found.items() if key.startswith(prefix)}
        try:
            renamed = dict(translate(inner))
        except Exception:  # made for other files, it raises many kinds
            continue
        tensors = {name: renamed[name] for name in wanted.shapes if isinstance(renamed.get(name), Tensor)}
        if len(tensors) == len(wanted.shapes) and all(_takes(tensors[name], name, wanted) for name in tensors):
            yield _Fit(prefix, tensors, names)


def _tables(found: Tensors) -> Counter[str]:
    """The names that may stand around a network, with the number of tensors in them; none is a number."""
    counted: Counter[str] = Counter()
    for key in found:
        parts = key.split(".")[:DEEPEST]
        depth = next((place for place, part in enumerate(parts) if part.isdecimal()), len(parts))
        counted.update("".join(f"{part}." for part in parts[:size]) for size in range(depth + 1))
    return counted


def _takes(tensor: Tensor, name: str, wanted: Wanted) -> bool:
    """Whether a tensor has the shape that is needed, or is a first convolution of one channel instead of three."""
    shape = wanted.shapes[name]
    return tuple(tensor.shape) == shape or _is_grey(tensor, name, wanted)


def _is_grey(tensor: Tensor, name: str, wanted: Wanted) -> bool:
    first = next((other for other, shape in wanted.shapes.items() if len(shape) == 4), None)
    shape = wanted.shapes[name]
    return name == first and shape[1] == 3 and tuple(tensor.shape) == (shape[0], 1, *shape[2:])


def _same(one: Tensors, other: Tensors) -> bool:
    pairs = [(tensor, other[name]) for name, tensor in one.items()]
    return all(a is b or (_is_plain(a) and torch.equal(a.float(), b.float())) for a, b in pairs)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor holds floating-point numbers, one after another."""
    return tensor.is_floating_point() and not tensor.is_quantized and tensor.layout == torch.strided


def _converted(path: Path, tensors: Tensors, wanted: Wanted) -> tuple[Tensors, list[str]]:
    """The tensors as float32 of the wanted shapes, and what that took."""
    made, kinds, grey = {}, set(), False
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            kind = "quantised" if tensor.is_quantized else str(tensor.dtype).removeprefix("torch.")
            raise _refused(path, f"its tensor {name} holds no plain floating-point numbers ({kind})")
        kinds |= {str(tensor.dtype).removeprefix("torch.")} - {"float32"}
        made[name] = tensor.to("cpu", torch.float32)
        if not torch.isfinite(made[name]).all():
            what = "NaN" if torch.isnan(made[name]).any() else "infinite numbers"
            raise _refused(path, f"its tensor {name} holds {what}: the training failed, or the file is damaged")
        if _is_grey(tensor, name, wanted):
            made[name], grey = (made[name] / 3).expand(wanted.shapes[name]).contiguous(), True
    notes = [f"{', '.join(sorted(kinds))} was converted to float32"] if kinds else []
    return made, notes + ([THIRD] if grey else [])


def _refused(path: Path, reason: str) -> MammoError:
    return MammoError(f"The weights file {path} cannot be used: {reason}.")


def _unwrapped(taken: _Fit, fits: list[_Fit]) -> Iterator[str]:
    """What stood around the tensors and beside them."""
    if taken.prefix:
        yield f"taken from {_place(taken.prefix)}{', the averaged weights' if taken.rank == 0 else ''}"
    own = set(map(id, taken.tensors.values()))
    passed = [fit for fit in fits if own.isdisjoint(map(id, fit.tensors.values()))]
    if passed:
        yield f"passed over: {', '.join(dict.fromkeys(_place(fit.prefix) for fit in passed))}"
    if taken.names:
        yield taken.names


def _place(prefix: str) -> str:
    return prefix.rstrip(".") or "the top of the file"


def _difference(found: Tensors, wanted: Wanted) -> str:
    """What a file holds instead of the wanted tensors: the first other shape, else the first name that is missing."""
    example = next(iter(wanted.shapes))
    if not found:
        return f"it holds no tensors, and {example} and {len(wanted.shapes) - 1} others are sought"
    if all(re.search(r"(^|\.)optim\w*\.|exp_avg|momentum_buffer", name) for name in found):
        return f"it holds the state of an optimiser alone, such as {next(iter(found))}, and no network"
    counted = [
        (count, names, prefix)
        for names, foreign in _naming(wanted).items()
        for prefix, count in _prefixes(found, foreign).items()
    ]
    best, names, prefix = max(counted, key=lambda one: one[0], default=(0, "", ""))
    if best < len(wanted.shapes) * LIKE:
        sought = f"{len(wanted.shapes)} such as {example} are sought"
        return f"it holds {len(found)} tensors such as {next(iter(found))}, and {sought}"
    foreign = _naming(wanted)[names]
    for name, other in foreign.items():
        tensor = found.get(prefix + other)
        if tensor is not None and not _takes(tensor, name, wanted):
            return (
                f"its tensor {prefix + other} has the shape {tuple(tensor.shape)} where {wanted.shapes[name]} is needed"
            )
    missing = next(other for other in foreign.values() if prefix + other not in found)
    return f"it has no tensor {prefix + missing}, and {best} of the {len(foreign)} that are sought"
