"""Find the tensors of a network among those of a file, under any prefix and any of several naming schemes."""

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
"""Words in the prefix of weights that were averaged over the steps of training."""
AUXILIARY = {"student", "target", "momentum", "key", "k"}
"""Words in the prefix of auxiliary networks that training saved beside the main one."""
COUNTER = "num_batches_tracked"
"""The name of batch norms' counters, which have no effect outside training."""
RESEMBLANCE = 0.2
"""From this share of matching names on, a file counts as the same kind of network and the error names one tensor."""
MAX_DEPTH = 4
"""The most levels of tables or modules around a network whose names timm translates."""
GREY_NOTE = (
    "the first convolution takes one channel and was spread over three, a third each: the same function of greys "
    "normalised by one mean and deviation, which are 0.449 and 0.226 unless --mean and --std say otherwise"
)


@dataclass(frozen=True)
class NeededTensors:
    """The tensors that a trunk needs: their shapes by name, in order.

    `alternative_names` are other naming schemes of the same tensors: by a description in words, the foreign name of
    every tensor. `translations` turn a state dict with foreign names into one with the trunk's names; they may raise
    errors of any kind.
    """

    trunk: str
    shapes: dict[str, tuple[int, ...]]
    alternative_names: dict[str, dict[str, str]]
    translations: dict[str, Translation]


@dataclass(frozen=True)
class LoadedTensors:
    """The tensors of a trunk as float32, and notes on what was unwrapped and converted."""

    tensors: Tensors
    notes: tuple[str, ...]

    def digest(self) -> str:
        """Return the SHA-256 of names, shapes and float32 bytes."""
        content = hashlib.sha256(
            json.dumps([[name, list(tensor.shape)] for name, tensor in self.tensors.items()]).encode()
        )
        for tensor in self.tensors.values():
            content.update(tensor.contiguous().numpy().tobytes())
        return content.hexdigest()


@dataclass(frozen=True)
class _Match:
    """A complete network in a file: the prefix of its tensors there, and the tensors by the trunk's names.

    `names` describes the naming scheme of the file; it is empty for the trunk's own.
    """

    prefix: str
    tensors: Tensors
    names: str

    @property
    def rank(self) -> int:
        """The order of preference: 0 for averaged weights, 1 for plain ones, 2 for an auxiliary network."""
        words = set(re.split(r"[._]", self.prefix.lower()))
        return 0 if words & AVERAGED else 2 if words & AUXILIARY else 1


def fit_tensors(path: Path, file_tensors: Tensors, needed: NeededTensors) -> LoadedTensors:
    """Return the `needed` tensors of a file as float32; its other tensors are ignored.

    Averaged weights (EMA, a teacher) are preferred to plain ones, since they are the ones meant for use. Raises
    MammoError, naming the tensors expected and those in the file, where no network of the file fits or several do, and
    where a number is not finite.
    """
    matches = list(_matches(file_tensors, needed))
    if not matches:
        raise MammoError(f"The weights file {path} is not one of {needed.trunk}: {_difference(file_tensors, needed)}.")
    best = min(matches, key=lambda match: (match.rank, len(match.prefix)))
    tensors, notes = _converted(path, best.tensors, needed)
    rivals = [match for match in matches if match.rank == best.rank and not _equal(match.tensors, best.tensors)]
    if rivals:
        prefixes = ", ".join(_describe_prefix(match.prefix) for match in [best, *rivals])
        raise MammoError(
            f"The weights file {path} holds more than one network that fits {needed.trunk} ({prefixes}); "
            "save the one that is meant with torch.save(model.state_dict(), FILE)."
        )
    return LoadedTensors(tensors, (*_reading_notes(best, matches), *notes))


def _matches(file_tensors: Tensors, needed: NeededTensors) -> Iterator[_Match]:
    """Yield every network of the file that has all needed tensors in the needed shapes."""
    for names, foreign in _naming_schemes(needed).items():
        for prefix, count in _prefixes(file_tensors, foreign).items():
            if count != len(needed.shapes):
                continue
            tensors = {name: file_tensors[prefix + foreign_name] for name, foreign_name in foreign.items()}
            if tensors and all(_accepts(tensors[name], name, needed) for name in tensors):
                yield _Match(prefix, tensors, names)
    for names, translate in needed.translations.items():
        yield from _translated(file_tensors, needed, names, translate)


def _naming_schemes(needed: NeededTensors) -> dict[str, dict[str, str]]:
    return {"": {name: name for name in needed.shapes}, **needed.alternative_names}


def _prefixes(file_tensors: Tensors, foreign: Mapping[str, str]) -> Counter[str]:
    """Return, for each prefix, how many of the foreign names occur after it."""
    names = set(foreign.values())
    counts: Counter[str] = Counter()
    for key in file_tensors:
        starts = [0, *(match.end() for match in re.finditer(r"\.", key))]
        counts.update(key[:start] for start in starts if key[start:] in names)
    return counts


def _translated(file_tensors: Tensors, needed: NeededTensors, names: str, translate: Translation) -> Iterator[_Match]:
    for prefix, count in _tables(file_tensors).items():
        if 2 * count < len(needed.shapes):
            continue
        table = {key.removeprefix(prefix): tensor for key, tensor in file_tensors.items() if key.startswith(prefix)}
        try:
            renamed = dict(translate(table))
        except Exception:  # a translation made for other files raises many kinds of errors
            continue
        tensors = {name: renamed[name] for name in needed.shapes if isinstance(renamed.get(name), Tensor)}
        if len(tensors) == len(needed.shapes) and all(_accepts(tensors[name], name, needed) for name in tensors):
            yield _Match(prefix, tensors, names)


def _tables(file_tensors: Tensors) -> Counter[str]:
    """Return the prefixes that may contain a network, with the number of tensors in each; no part is a number."""
    counts: Counter[str] = Counter()
    for key in file_tensors:
        parts = key.split(".")[:MAX_DEPTH]
        depth = next((index for index, part in enumerate(parts) if part.isdecimal()), len(parts))
        counts.update("".join(f"{part}." for part in parts[:size]) for size in range(depth + 1))
    return counts


def _accepts(tensor: Tensor, name: str, needed: NeededTensors) -> bool:
    """Whether a tensor has the needed shape, or is a first convolution with one channel instead of three."""
    shape = needed.shapes[name]
    return tuple(tensor.shape) == shape or _is_grey(tensor, name, needed)


def _is_grey(tensor: Tensor, name: str, needed: NeededTensors) -> bool:
    first_convolution = next((candidate for candidate, shape in needed.shapes.items() if len(shape) == 4), None)
    shape = needed.shapes[name]
    return name == first_convolution and shape[1] == 3 and tuple(tensor.shape) == (shape[0], 1, *shape[2:])


def _equal(left: Tensors, right: Tensors) -> bool:
    pairs = [(tensor, right[name]) for name, tensor in left.items()]
    return all(a is b or (_is_plain(a) and torch.equal(a.float(), b.float())) for a, b in pairs)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor stores plain floating-point numbers: neither quantised nor sparse."""
    return tensor.is_floating_point() and not tensor.is_quantized and tensor.layout == torch.strided


def _converted(path: Path, tensors: Tensors, needed: NeededTensors) -> tuple[Tensors, list[str]]:
    """Return the tensors as float32 in the needed shapes, and notes on the conversions."""
    converted, dtypes, grey = {}, set(), False
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            kind = "quantised" if tensor.is_quantized else str(tensor.dtype).removeprefix("torch.")
            raise _unusable(path, f"its tensor {name} holds no plain floating-point numbers ({kind})")
        dtypes |= {str(tensor.dtype).removeprefix("torch.")} - {"float32"}
        converted[name] = tensor.to("cpu", torch.float32)
        if not torch.isfinite(converted[name]).all():
            fault = "NaN" if torch.isnan(converted[name]).any() else "infinite numbers"
            raise _unusable(path, f"its tensor {name} holds {fault}: the training failed, or the file is damaged")
        if _is_grey(tensor, name, needed):
            converted[name], grey = (converted[name] / 3).expand(needed.shapes[name]).contiguous(), True
    notes = [f"{', '.join(sorted(dtypes))} was converted to float32"] if dtypes else []
    return converted, notes + ([GREY_NOTE] if grey else [])


def _unusable(path: Path, reason: str) -> MammoError:
    return MammoError(f"The weights file {path} cannot be used: {reason}.")


def _reading_notes(chosen: _Match, matches: list[_Match]) -> Iterator[str]:
    """Yield notes on the prefix of the tensors, on other networks in the file, and on the naming scheme."""
    if chosen.prefix:
        yield f"taken from {_describe_prefix(chosen.prefix)}{', the averaged weights' if chosen.rank == 0 else ''}"
    chosen_ids = set(map(id, chosen.tensors.values()))
    ignored = [match for match in matches if chosen_ids.isdisjoint(map(id, match.tensors.values()))]
    if ignored:
        yield f"passed over: {', '.join(dict.fromkeys(_describe_prefix(match.prefix) for match in ignored))}"
    if chosen.names:
        yield chosen.names


def _describe_prefix(prefix: str) -> str:
    return prefix.rstrip(".") or "the top of the file"


def _difference(file_tensors: Tensors, needed: NeededTensors) -> str:
    """Return how a file differs from the needed tensors: the first different shape, else the first missing name."""
    example = next(iter(needed.shapes))
    if not file_tensors:
        return f"it holds no tensors, and {example} and {len(needed.shapes) - 1} others are sought"
    if all(re.search(r"(^|\.)optim\w*\.|exp_avg|momentum_buffer", name) for name in file_tensors):
        return f"it holds the state of an optimiser alone, such as {next(iter(file_tensors))}, and no network"
    candidates = [
        (count, names, prefix)
        for names, foreign in _naming_schemes(needed).items()
        for prefix, count in _prefixes(file_tensors, foreign).items()
    ]
    most, names, prefix = max(candidates, key=lambda candidate: candidate[0], default=(0, "", ""))
    if most < len(needed.shapes) * RESEMBLANCE:
        expectation = f"{len(needed.shapes)} such as {example} are sought"
        return f"it holds {len(file_tensors)} tensors such as {next(iter(file_tensors))}, and {expectation}"
    foreign = _naming_schemes(needed)[names]
    for name, foreign_name in foreign.items():
        tensor = file_tensors.get(prefix + foreign_name)
        if tensor is not None and not _accepts(tensor, name, needed):
            shape, needed_shape = tuple(tensor.shape), needed.shapes[name]
            return f"its tensor {prefix + foreign_name} has the shape {shape} where {needed_shape} is needed"
    missing = next(foreign_name for foreign_name in foreign.values() if prefix + foreign_name not in file_tensors)
    return f"it has no tensor {prefix + missing}, and {most} of the {len(foreign)} that are sought"
