"""The depths that an index records: decided once, unchanged when films are added, or named by the user."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from mammo.data.depths.decision import CANDIDATES, DARKER, OF_CONTAINER, DepthScale, estimate_depth
from mammo.data.files.levels import CONTAINER_BITS, HALF, Levels
from mammo.data.files.raster import Container, Depth
from mammo.errors import MammoError
from mammo.storage.typed import typed

AUTO, CONTAINER = "auto", "container"
MAX_NAMES = 6
"""Most names in a sentence."""


class DarkFilm(TypedDict):
    """A film much darker than its group."""

    image: str
    level: int


class StoredDepth(TypedDict):
    """A `GroupDepth` as JSON."""

    format: str
    device: str
    signed: bool
    inverted: bool
    bits: int
    zero: int
    chosen: str
    needed: int
    films: int
    crops: int
    level: int
    dark: list[DarkFilm]
    clipped_films: int
    clipped_pixels: int


@dataclass(frozen=True)
class FilmGroup:
    """Films that get one depth: of one file format, device and container."""

    format: str
    device: str
    signed: bool
    inverted: bool

    @classmethod
    def of(cls, format: str, device: str, container: Container) -> FilmGroup:
        """Return the group of a file with this container."""
        return cls(format, device, container.signed, container.inverted)

    @property
    def words(self) -> str:
        """The group in words."""
        kinds = [word for word, applies in (("signed", self.signed), ("inverted", self.inverted)) if applies]
        return " ".join([*kinds, self.format, "files"]) + (f" of {self.device}" if self.device else "")


@dataclass(frozen=True)
class GroupDepth:
    """The depth of a group: `bits` above the stored value `zero`, and its basis.

    `chosen` is `auto` where the films decided, otherwise the user's choice; `needed` is the depth that the films need
    now. Of `films` full mammograms and `crops`, 95 % have 99.9 % of their pixels at or below `level`, counted from
    black. `clipped_pixels` of `clipped_films` images lie beyond the depth; `dark` maps the films that are darker than
    their group by a factor of four or more to their levels.
    """

    group: FilmGroup
    bits: int
    zero: int
    chosen: str
    needed: int
    films: int
    crops: int
    level: int
    dark: Mapping[str, int]
    clipped_films: int = 0
    clipped_pixels: int = 0

    @property
    def depth(self) -> Depth | None:
        """The depth for a reader; None where it is the container's own range."""
        depth = Depth(self.bits, self.zero)
        return None if depth == OF_CONTAINER else depth

    def to_json(self) -> dict[str, Any]:
        """Return the record as `mammo index --json` prints it and the index stores it."""
        content = dataclasses.asdict(replace(self, dark={}))
        dark = [{"image": name, "level": level} for name, level in self.dark.items()]
        return {**content.pop("group"), **content, "dark": dark}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> GroupDepth:
        """Read a record; raise MammoError where it is invalid."""
        typed(content, StoredDepth, "depth")
        names = [field.name for field in dataclasses.fields(cls) if field.name not in ("group", "dark")]
        group = FilmGroup(*(content[field.name] for field in dataclasses.fields(FilmGroup)))
        dark = {entry["image"]: entry["level"] for entry in content["dark"]}
        return cls(group, dark=dark, **{name: content[name] for name in names})

    @property
    def sentences(self) -> list[str]:
        """Sentences about the group: the decision with its figures, the clipped pixels, and the dark films."""
        return [self._decision, *([self._clipping] if self.clipped_pixels else []), *self._dark]

    @property
    def _decision(self) -> str:
        counts = [_counted(self.films, "film"), _counted(self.crops, "crop")]
        basis = " and ".join(words for number, words in zip((self.films, self.crops), counts, strict=True) if number)
        share = "95 % of " if self.films + self.crops >= 20 else ""
        level = f"99.9 % of the pixels of {share}{basis} do not exceed {self.level:,}"
        how = {AUTO: "decided from the films", CONTAINER: "as the container says, by --bits container"}
        reason = how.get(self.chosen, f"named by --bits {self.chosen}")
        range_read = f"{self.bits} bits" + (f" above {self.zero - HALF:,}" if self.group.signed else "")
        return f"{CONTAINER_BITS}-bit {self.group.words} are read at {range_read}, {reason}: {level}."

    @property
    def _clipping(self) -> str:
        pixels, films = _counted(self.clipped_pixels, "pixel"), _counted(self.clipped_films, "image")
        verb = "lies beyond {} bits and is" if self.clipped_pixels == 1 else "lie beyond {} bits and are"
        return f"{pixels} of {films} {verb.format(self.bits)} clipped ({self.group.words})."

    @property
    def _dark(self) -> list[str]:
        if not self.dark:
            return []
        names = ", ".join(list(self.dark)[:MAX_NAMES]) + (" …" if len(self.dark) > MAX_NAMES else "")
        films = _counted(len(self.dark), "image")
        reach = "reaches" if len(self.dark) == 1 else "reach"
        return [f"{films} of the {self.group.words} {reach} 1/{DARKER} of the others' level at most: {names}."]

    @property
    def contradiction(self) -> str:
        """A sentence where the films need another depth than the recorded one; otherwise empty."""
        if self.chosen != AUTO or self.bits == self.needed:
            return ""
        return (
            f"The {self.group.words} are read at {self.bits} bits, as an earlier index decided, though the films that "
            f"stand here now call for {self.needed}: decide again with --bits auto, or name a depth with --bits N."
        )


def check_bits(bits: str) -> str:
    """Return the value of `--bits`; raise MammoError where it is invalid."""
    if bits in ("", AUTO, CONTAINER) or (bits.isdecimal() and min(CANDIDATES) <= int(bits) <= CONTAINER_BITS):
        return bits
    raise MammoError(
        f"--bits takes auto, container, or a number from {min(CANDIDATES)} to {CONTAINER_BITS}, not {bits!r}."
    )


def decide(
    films: Mapping[FilmGroup, Sequence[Mapping[str, Levels]]], bits: str, recorded: Iterable[GroupDepth] = ()
) -> list[GroupDepth]:
    """Return the depth of every group of `films` (full mammograms, then crops, by name).

    `bits` is the user's choice: `auto`, `container`, a number, or empty, which keeps the recorded depths. An earlier
    choice holds for new groups too.
    """
    before = {} if bits else {record.group: record for record in recorded}
    choices = {record.chosen for record in before.values()}
    default = bits or (choices.pop() if len(choices) == 1 else AUTO)
    ordered = sorted(films, key=dataclasses.astuple)
    return [_group_depth(group, films[group], default, before.get(group)) for group in ordered]


def _group_depth(
    group: FilmGroup, kinds: Sequence[Mapping[str, Levels]], chosen: str, before: GroupDepth | None
) -> GroupDepth:
    estimate = estimate_depth(kinds, group.signed)
    depth = estimate.scale.depth(estimate.bits)
    if before:
        depth, chosen = Depth(before.bits, before.zero), before.chosen
    elif chosen != AUTO:
        depth = _chosen_depth(chosen, estimate.scale)
    full, crops = (len(films) for films in kinds)
    return GroupDepth(
        group, depth.bits, depth.zero, chosen, estimate.bits, full, crops, estimate.level, estimate.dark
    )  # fmt: skip


def _chosen_depth(chosen: str, scale: DepthScale) -> Depth:
    return OF_CONTAINER if chosen == CONTAINER else scale.depth(int(chosen))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
