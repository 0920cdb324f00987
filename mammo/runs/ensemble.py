"""Ensembles of stored runs: their scores are calibrated and fused; nothing is trained again."""

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
"""The value of a setting in which the runs of an ensemble differ."""


def open_run_sweep(home: Home, name: RunName, opened: dict[str, Sweep] | None = None) -> Sweep:
    """A sweep that holds the run `name`: the stored one, or a sweep of this run alone, computed from stored scores.

    `opened` are the sweeps that are open already, by id; this function adds those that it opens. Raises MammoError
    where a run does not exist, or the members of an ensemble were not scored on the same images in the same split.
    """
    stored = {} if opened is None else opened
    for sweep in map(sweep_name_of, name.members):
        stored[sweep] = stored.get(sweep) or Sweep.open(home, sweep)
    if len(name.members) == 1 and name.level == "image":
        return stored[sweep_name_of(name.members[0])]
    single = [single_run(stored[sweep_name_of(member)], member) for member in name.members]
    run = single[0] if len(single) == 1 else ensemble(single, name.combine)
    return at_level(run, name.level, [name.fuse])[0]


def single_run(sweep: Sweep, run: str) -> Sweep:
    """The sweep with the run `run` and its split only."""
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
    """The ensemble of sweeps of one run each, as a sweep of one run, named by `RunName`.

    Before fusion, the logits of each member are divided by the temperature that fits its own validation images best.
    Members that share only the test set, such as redraws of train and validation, give an ensemble for the test set:
    its training images are those of all members, and it has no validation images. Raises MammoError where the members
    do not share their images, truth and test set.
    """
    _check_same_test_images(members)
    first = members[0]
    names = tuple(str(sweep.runs["run"].iloc[0]) for sweep in members)
    name = str(RunName(names, combine))
    temperatures = [_temperature(sweep) for sweep in members]
    scaled = np.stack(
        [sweep.logits[0].astype(float) / fitted for sweep, fitted in zip(members, temperatures, strict=True)]
    )
    facts = [sweep.about["caches"][str(sweep.runs["cache"].iloc[0])] for sweep in members]
    notes = "; ".join(dict.fromkeys(str(fact["weights_note"]) for fact in facts))
    remarks = [bound_note(fitted, f" of {run}") for run, fitted in zip(names, temperatures, strict=True)]
    runs = _settings(members).assign(run=name, split=0)
    together = replace(first, about={**first.about, "remarks": list(filter(None, remarks))})
    if _splits_differ(members):
        together = _for_test(together, members, name)
    return replace(
        together,
        id=name,
        about={
            **together.about,
            "caches": {str(runs["cache"].iloc[0]): {**facts[0], "weights_note": notes}},
            "members": list(names),
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
    """The settings of an ensemble: those that all members share; else `SEVERAL`, or None where it is a number."""
    tables = [sweep.runs for sweep in members]
    shared: dict[str, Any] = {}
    for name in tables[0]:
        values = [table[name].iloc[0] if name in table else None for table in tables]
        differ = any(value != values[0] for value in values[1:])
        shared[str(name)] = [(SEVERAL if isinstance(values[0], str) else None) if differ else values[0]]
    return pd.DataFrame(shared)


def _check_same_test_images(members: Sequence[Sweep]) -> None:
    """Raise MammoError where members differ in images, truth or test set."""
    first = members[0]
    for member in members[1:]:
        if _truth(first) != _truth(member):
            differ = "they were not scored on the same images with the same labels"
        elif not np.array_equal(first.parts == TEST, member.parts == TEST):
            differ = "they have other test sets; choose runs of one, such as redraws of train and validation"
        else:
            continue
        run, stranger = (str(sweep.runs["run"].iloc[0]) for sweep in (first, member))
        raise MammoError(f"The runs {run} and {stranger} make no ensemble: {differ}.")


def _splits_differ(members: Sequence[Sweep]) -> bool:
    """Whether members with one test set differ in train or validation."""
    return any(not np.array_equal(members[0].parts, member.parts) for member in members[1:])


def _for_test(sweep: Sweep, members: Sequence[Sweep], name: str) -> Sweep:
    """The sweep with the training images of all members and without validation images."""
    trained = np.any([member.parts == TRAIN for member in members], axis=0)
    parts = np.where(sweep.parts == TEST, TEST, np.where(trained, TRAIN, OUT)).astype(np.int8)
    leaks = [member.about["splits"][0]["leakage"] for member in members]
    identity = digest_bytes(parts.tobytes()), tuple(member.id for member in members)
    leaks.append(_leakage(_SplitImages(*identity, sweep.images, parts)))
    highest = {kind: _most([counts.get(kind) for counts in leaks]) for kind in leaks[0]}
    facts = {**sweep.about["splits"][0], "sizes": sizes(parts[0]), "leakage": highest}
    remark = f"{name} has no validation figures: its members were trained on one another's validation images."
    remarks = [*sweep.about["remarks"], remark]
    return replace(sweep, parts=parts, about={**sweep.about, "splits": [facts], "remarks": remarks})


@dataclass(frozen=True)
class _SplitImages:
    """Images and their parts in one split, (1, images), identified by a digest of the parts and the members' ids."""

    digest: str
    sweeps: tuple[str, ...]
    images: pd.DataFrame = field(compare=False)
    parts: NDArray[np.int8] = field(compare=False)


@lru_cache(maxsize=32)
def _leakage(split: _SplitImages) -> dict[str, int | None]:
    """The leakage of a split, counted once per process, since the comparison of all films takes time."""
    return leakage(split.images, split.parts[0])


def _most(counts: Sequence[int | None]) -> int | None:
    """The highest count, None where all are unknown."""
    return max((count for count in counts if count is not None), default=None)


def _truth(sweep: Sweep) -> list[list[str]]:
    truth: NDArray[Any] = sweep.images[["image", "label", "patient"]].astype(str).to_numpy()
    return [[str(sweep.about["dataset"]["name"]), str(sweep.about["dataset"].get("digest"))], *truth.tolist()]
