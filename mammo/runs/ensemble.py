"""Several stored runs as one: their scores brought to one scale and fused, nothing trained again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import OUT, TEST, TRAIN, sizes
from mammo.errors import MammoError
from mammo.runs.fusion import fused
from mammo.runs.levels import at_level
from mammo.runs.run_names import RunName
from mammo.runs.sweep import Sweep, sweep_name_of
from mammo.statistics.calibration import bound_note, temperature
from mammo.storage.digests import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mammo.specs import Home

SEVERAL = "several"
"""A setting in which the runs of an ensemble differ."""


def open_run_sweep(home: Home, name: RunName, held: dict[str, Sweep] | None = None) -> Sweep:
    """A sweep that holds the run of a name: the stored one, or one of that run alone, made of stored scores.

    `held` are sweeps that are open, by id; those that are opened here join them. Raises MammoError where a run is not
    there, or several were not scored on the same images split alike.
    """
    stored = {} if held is None else held
    for sweep in map(sweep_name_of, name.members):
        stored[sweep] = stored.get(sweep) or Sweep.open(home, sweep)
    if len(name.members) == 1 and name.level == "image":
        return stored[sweep_name_of(name.members[0])]
    single = [single_run(stored[sweep_name_of(member)], member) for member in name.members]
    whole = single[0] if len(single) == 1 else ensemble(single, name.combine)
    return at_level(whole, name.level, [name.fuse])[0]


def single_run(sweep: Sweep, run: str) -> Sweep:
    """The sweep with one run and its split only."""
    row = sweep.row(run)
    split = int(sweep.runs["split"].iloc[row])
    return replace(
        sweep,
        about={**sweep.about, "splits": [sweep.about["splits"][split]]},
        runs=sweep.runs.iloc[[row]].assign(split=0).reset_index(drop=True),
        logits=np.asarray(sweep.logits[row])[None],
        parts=np.asarray(sweep.parts[split])[None],
        history=np.asarray(sweep.history[row])[None],
    )


def ensemble(members: Sequence[Sweep], combine: str) -> Sweep:
    """One run made of sweeps of one run each, under the name that `RunName` gives it.

    The logits of each are divided by the temperature that fits its own validation images best before they are fused.
    Members that share the test set alone, as redraws of train and validation do, make an ensemble for the test set: it
    trained on what any of them did, and has no validation images. Raises MammoError where the members do not share
    their images, truth and test set.
    """
    _refuse_strangers(members)
    first, apart = members[0], _split_apart(members)
    own = tuple(str(sweep.runs["run"].iloc[0]) for sweep in members)
    name = str(RunName(own, combine))
    temperatures = [_temperature(sweep) for sweep in members]
    scaled = np.stack([sweep.logits[0].astype(float) / hot for sweep, hot in zip(members, temperatures, strict=True)])
    facts = [sweep.about["caches"][str(sweep.runs["cache"].iloc[0])] for sweep in members]
    notes = "; ".join(dict.fromkeys(str(fact["weights_note"]) for fact in facts))
    remarks = [bound_note(hot, f" of {run}") for run, hot in zip(own, temperatures, strict=True)]
    runs = _settings(members).assign(run=name, split=0)
    together = replace(first, about={**first.about, "remarks": list(filter(None, remarks))})
    if apart:
        together = _for_test(together, members, name)
    return replace(
        together,
        id=name,
        about={
            **together.about,
            "caches": {str(runs["cache"].iloc[0]): {**facts[0], "weights_note": notes}},
            "members": list(own),
            "temperatures": temperatures,
        },
        runs=runs,
        logits=fused(scaled.T, np.zeros(1, dtype=np.intp), combine).T,
        history=np.full((1, 0, 5), np.nan, dtype=np.float32),
    )


def _temperature(sweep: Sweep) -> float:
    rows = sweep.members(0, "validation")
    return temperature(sweep.labels[rows], sweep.logits[0][rows])


def _settings(members: Sequence[Sweep]) -> pd.DataFrame:
    """The settings that all members share; a word where they differ in one, or nothing where that is a number."""
    tables = [sweep.runs for sweep in members]
    shared: dict[str, Any] = {}
    for name in tables[0]:
        values = [table[name].iloc[0] if name in table else None for table in tables]
        differ = any(value != values[0] for value in values[1:])
        shared[str(name)] = [(SEVERAL if isinstance(values[0], str) else None) if differ else values[0]]
    return pd.DataFrame(shared)


def _refuse_strangers(members: Sequence[Sweep]) -> None:
    first = members[0]
    for other in members[1:]:
        if _truth(first) != _truth(other):
            differ = "they were not scored on the same images with the same labels"
        elif not np.array_equal(first.parts == TEST, other.parts == TEST):
            differ = "they have other test sets; choose runs of one, such as redraws of train and validation"
        else:
            continue
        ours, theirs = (str(sweep.runs["run"].iloc[0]) for sweep in (first, other))
        raise MammoError(f"The runs {ours} and {theirs} make no ensemble: {differ}.")


def _split_apart(members: Sequence[Sweep]) -> bool:
    """Whether members share their test set, but not what they trained and were validated on."""
    return any(not np.array_equal(members[0].parts, other.parts) for other in members[1:])


def _for_test(sweep: Sweep, members: Sequence[Sweep], name: str) -> Sweep:
    """A sweep that trained on what any of the members did and has no validation images."""
    trained = np.any([other.parts == TRAIN for other in members], axis=0)
    parts = np.where(sweep.parts == TEST, TEST, np.where(trained, TRAIN, OUT)).astype(np.int8)
    known = [other.about["splits"][0]["leakage"] for other in members]
    scored = digest_bytes(parts.tobytes()), tuple(other.id for other in members)
    counted = _leakage(_Divided(*scored, sweep.images, parts))
    leaks = {kind: _most([counted.get(kind), *(one.get(kind) for one in known)]) for kind in known[0]}
    facts = {**sweep.about["splits"][0], "sizes": sizes(parts[0]), "leakage": leaks}
    remark = f"{name} has no validation figures: its members were trained on one another's validation images."
    remarks = [*sweep.about["remarks"], remark]
    return replace(sweep, parts=parts, about={**sweep.about, "splits": [facts], "remarks": remarks})


@dataclass(frozen=True)
class _Divided:
    """Images and their parts in one split (1, images), told apart by a digest of these and the members' sweeps."""

    digest: str
    sweeps: tuple[str, ...]
    images: pd.DataFrame = field(compare=False)
    parts: NDArray[np.int8] = field(compare=False)


@lru_cache(maxsize=32)
def _leakage(divided: _Divided) -> dict[str, int | None]:
    """The leakage of a split, counted once a process: to compare all films takes time."""
    return leakage(divided.images, divided.parts[0])


def _most(counts: Sequence[int | None]) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def _truth(sweep: Sweep) -> list[list[str]]:
    truth: NDArray[Any] = sweep.images[["image", "label", "patient"]].astype(str).to_numpy()
    return [[str(sweep.about["dataset"]["name"]), str(sweep.about["dataset"].get("digest"))], *truth.tolist()]
