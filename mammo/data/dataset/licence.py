"""What of a data set may be exported: its licence, which the index records, and the check that every export makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.errors import MammoError
from mammo.specs import pick

if TYPE_CHECKING:
    from mammo.data.dataset.dataset import Dataset

LICENCE, ATTRIBUTION = "licence", "attribution"
"""The keys of the licence's name and of the source's attribution in an index."""
LONGEST = 500
"""The largest number of characters of an attribution."""

EXPORTABLE = {
    "scores": "scores",
    "features": "pooled features",
    "pictures": "small pictures",
    "weights": "weights of trained heads",
}
"""What an export can contain: the scores of runs, the features behind them, pictures and trained weights."""


@dataclass(frozen=True)
class Licence:
    """What the terms of a collection allow to export; `leaves` names entries of `EXPORTABLE`."""

    label: str
    description: str
    leaves: tuple[str, ...]

    @property
    def words(self) -> str:
        """A sentence on what may be exported and what may not."""
        staying = [words for name, words in EXPORTABLE.items() if name not in self.leaves]
        may = f"May leave: {', '.join(EXPORTABLE[name] for name in self.leaves)}."
        return f"{may} Stays: {', '.join(staying)}." if staying else may


LICENCES: dict[str, Licence] = {
    "open": Licence(
        "Open",
        "All that is derived from the images, small pictures too, may be passed on with the source named.",
        ("scores", "features", "pictures", "weights"),
    ),
    "no-pixels": Licence(
        "No pixels",
        "All that is computed from the images may be passed on, but no picture of them.",
        ("scores", "features", "weights"),
    ),
    "no-derivatives": Licence(
        "No derivatives",
        "Only the scores of runs may be passed on: no pictures, no features and no weights.",
        ("scores",),
    ),
}
"""The licences a data set can have, by the name that `--licence` takes."""

NOT_RECORDED = Licence(
    "Not recorded",
    "An earlier version indexed the set without a licence: scores may be exported, all else once one is recorded.",
    ("scores",),
)


def licence_of(about: Mapping[str, Any]) -> Licence:
    """The licence that an index records; `NOT_RECORDED` where it records none of `LICENCES`."""
    return LICENCES.get(str(about.get(LICENCE)), NOT_RECORDED)


def attribution_of(about: Mapping[str, Any]) -> str:
    """The attribution of a data set's source; empty where it asks for none."""
    return str(about.get(ATTRIBUTION) or "")


def checked_attribution(text: str) -> str:
    """Return an attribution as one line; raises MammoError where it is too long or not printable."""
    line = " ".join(text.split())
    if len(line) > LONGEST or not line.isprintable():
        raise MammoError(f"An attribution is a line of up to {LONGEST} printable letters.")
    return line


def licence_terms(before: Mapping[str, Any], licence: str, usual: str, attribution: str = "") -> dict[str, str]:
    """Return licence and attribution for an index: the named ones, else those of the index `before`, else `usual`.

    Raises MammoError where there is no such licence.
    """
    if licence:
        pick(LICENCES, licence, "licence")
    earlier = str(before.get(LICENCE) or "")
    name_of_source = checked_attribution(attribution) or attribution_of(before)
    return {LICENCE: licence or (earlier if earlier in LICENCES else usual), ATTRIBUTION: name_of_source}


def refuse_export(datasets: Sequence[Dataset], contents: Sequence[str]) -> None:
    """Raise MammoError where the licence of a data set forbids to export one of `contents` (names of `EXPORTABLE`)."""
    for dataset in datasets:
        licence = licence_of(dataset.about)
        if forbidden := [EXPORTABLE[content] for content in contents if content not in licence.leaves]:
            name, words = dataset.name, " and ".join(forbidden)
            if licence is NOT_RECORDED:
                raise MammoError(
                    f"The index of {name!r} records no licence, so no {words} of it may leave; if the terms of its "
                    f"source allow it, say so with: mammo licence {name} open"
                )
            raise MammoError(
                f"The licence of {name!r}, {licence.label.lower()}, keeps {words} in the house; leave them out, or "
                f"record other terms with: mammo licence {name} NAME"
            )
