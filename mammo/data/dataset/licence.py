"""What may leave the house of a data set: its licence, recorded at the index, and the one place where it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.errors import MammoError
from mammo.specs import pick

if TYPE_CHECKING:
    from mammo.data.dataset.dataset import Dataset

LICENCE, ATTRIBUTION = "licence", "attribution"
LONGEST = 500
"""Letters of an attribution."""
"""Where an index keeps the name of its licence, and the words in which its source wants to be named."""

THINGS = {
    "scores": "scores",
    "features": "pooled features",
    "pictures": "small pictures",
    "weights": "weights of trained heads",
}
"""What can leave: the numbers that runs give to images, the features they are made of, pictures, trained weights."""


@dataclass(frozen=True)
class Licence:
    """What the terms of a collection allow to be given away; `leaves` names some of `THINGS`."""

    label: str
    description: str
    leaves: tuple[str, ...]

    @property
    def words(self) -> str:
        """What may leave and what may not, in a sentence."""
        kept = [words for thing, words in THINGS.items() if thing not in self.leaves]
        may = f"May leave: {', '.join(THINGS[thing] for thing in self.leaves)}."
        return f"{may} Stays: {', '.join(kept)}." if kept else may


LICENCES: dict[str, Licence] = {
    "open": Licence(
        "Open",
        "Whoever names the source may pass on what comes of the images, small pictures too.",
        ("scores", "features", "pictures", "weights"),
    ),
    "no-pixels": Licence(
        "No pixels",
        "What is computed of the images may be passed on, no picture of them.",
        ("scores", "features", "weights"),
    ),
    "no-derivatives": Licence(
        "No derivatives",
        "Neither pictures nor features nor weights may be passed on: only what runs score.",
        ("scores",),
    ),
}
"""The licences a data set can have, by the name that `--licence` takes."""

NOT_RECORDED = Licence(
    "Not recorded",
    "An earlier version indexed the set and asked for no licence: scores may leave, for the rest it must be named.",
    ("scores",),
)


def licence_of(about: Mapping[str, Any]) -> Licence:
    """The licence that an index tells of itself; `NOT_RECORDED` where it tells none that is known."""
    return LICENCES.get(str(about.get(LICENCE)), NOT_RECORDED)


def attribution_of(about: Mapping[str, Any]) -> str:
    """How the source of a data set wants to be named; empty where it asks for nothing."""
    return str(about.get(ATTRIBUTION) or "")


def checked_attribution(text: str) -> str:
    """How a source wants to be named, as one line; raises MammoError where it is no such line."""
    line = " ".join(text.split())
    if len(line) > LONGEST or not line.isprintable():
        raise MammoError(f"An attribution is a line of up to {LONGEST} printable letters.")
    return line


def recorded(before: Mapping[str, Any], licence: str, usual: str, attribution: str = "") -> dict[str, str]:
    """What an index keeps of its licence: the one that is named, else what it was before, else the `usual` one.

    Raises MammoError where there is no such licence.
    """
    if licence:
        pick(LICENCES, licence, "licence")
    held = str(before.get(LICENCE) or "")
    named = checked_attribution(attribution) or attribution_of(before)
    return {LICENCE: licence or (held if held in LICENCES else usual), ATTRIBUTION: named}


def refuse_leaving(datasets: Sequence[Dataset], things: Sequence[str]) -> None:
    """Raise MammoError where the licence of one of some data sets keeps one of `things` in the house."""
    for dataset in datasets:
        licence = licence_of(dataset.about)
        if kept := [THINGS[thing] for thing in things if thing not in licence.leaves]:
            name, what = dataset.name, " and ".join(kept)
            if licence is NOT_RECORDED:
                raise MammoError(
                    f"The index of {name!r} records no licence, so no {what} of it may leave; if the terms of its "
                    f"source allow it, say so with: mammo licence {name} open"
                )
            raise MammoError(
                f"The licence of {name!r}, {licence.label.lower()}, keeps {what} in the house; leave them out, or "
                f"record other terms with: mammo licence {name} NAME"
            )
