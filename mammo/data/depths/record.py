"""The depths of a data set as its index records them: decided once, kept when films are added, or named by the user."""

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
LISTED = 6
"""So many names stand in a sentence at most."""


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
    """Films that are decided together: of one kind of file, device and container."""

    format: str
    device: str
    signed: bool
    inverted: bool

    @classmethod
    def of(cls, format: str, device: str, container: Container) -> FilmGroup:
        """The group of a file with this container."""
        return cls(format, device, container.signed, container.inverted)

    @property
    def words(self) -> str:
        """The group as one reads it."""
        kinds = [word for word, is_so in (("signed", self.signed), ("inverted", self.inverted)) if is_so]
        return " ".join([*kinds, self.format, "files"]) + (f" of {self.device}" if self.device else "")


@dataclass(frozen=True)
class GroupDepth:
    """The depth of a group: `bits` above the stored value `zero`, and what it rests on.

    `chosen` is `auto` where the films decided, else what the user named; `needed` is what the films call for today.
    Of `films` full mammograms and `crops`, 95 % have 99.9 % of their pixels at or below `level`, counted from black.
    `clipped_pixels` of `clipped_films` images lie beyond the depth; `dark` names the films a factor of four or more
    darker than their group, with the level of each.
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
        """What a reader is told; None where the container's own range is the film's."""
        depth = Depth(self.bits, self.zero)
        return None if depth == OF_CONTAINER else depth

    def to_json(self) -> dict[str, Any]:
        """The record as `mammo index --json` prints it and the index keeps it."""
        content = dataclasses.asdict(replace(self, dark={}))
        dark = [{"image": name, "level": level} for name, level in self.dark.items()]
        return {**content.pop("group"), **content, "dark": dark}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> GroupDepth:
        """Read a record; raises MammoError where it is none."""
        typed(content, StoredDepth, "depth")
        named = [field.name for field in dataclasses.fields(cls) if field.name not in ("group", "dark")]
        group = FilmGroup(*(content[field.name] for field in dataclasses.fields(FilmGroup)))
        dark = {entry["image"]: entry["level"] for entry in content["dark"]}
        return cls(group, dark=dark, **{name: content[name] for name in named})

    @property
    def sentences(self) -> list[str]:
        """What must be told of the group: the decision with its figures, what it clips, and which films are dark."""
        return [self._decision, *([self._clipping] if self.clipped_pixels else []), *self._dark]

    @property
    def _decision(self) -> str:
        counted = [_counted(self.films, "film"), _counted(self.crops, "crop")]
        rests = " and ".join(words for number, words in zip((self.films, self.crops), counted, strict=True) if number)
        most = "95 % of " if self.films + self.crops >= 20 else ""
        level = f"99.9 % of the pixels of {most}{rests} do not exceed {self.level:,}"
        how = {AUTO: "decided from the films", CONTAINER: "as the container says, by --bits container"}
        why = how.get(self.chosen, f"named by --bits {self.chosen}")
        read = f"{self.bits} bits" + (f" above {self.zero - HALF:,}" if self.group.signed else "")
        return f"{CONTAINER_BITS}-bit {self.group.words} are read at {read}, {why}: {level}."

    @property
    def _clipping(self) -> str:
        pixels, films = _counted(self.clipped_pixels, "pixel"), _counted(self.clipped_films, "image")
        lie = "lies beyond {} bits and is" if self.clipped_pixels == 1 else "lie beyond {} bits and are"
        return f"{pixels} of {films} {lie.format(self.bits)} clipped ({self.group.words})."

    @property
    def _dark(self) -> list[str]:
        if not self.dark:
            return []
        names = ", ".join(list(self.dark)[:LISTED]) + (" …" if len(self.dark) > LISTED else "")
        films = _counted(len(self.dark), "image")
        reach = "reaches" if len(self.dark) == 1 else "reach"
        return [f"{films} of the {self.group.words} {reach} 1/{DARKER} of the others' level at most: {names}."]

    @property
    def contradiction(self) -> str:
        """A sentence where the films call for another depth than the one that was recorded; else empty."""
        if self.chosen != AUTO or self.bits == self.needed:
            return ""
        return (
            f"The {self.group.words} are read at {self.bits} bits, as an earlier index decided, though the films that "
            f"stand here now call for {self.needed}: decide again with --bits auto, or name a depth with --bits N."
        )


def check_bits(bits: str) -> str:
    """What `--bits` was given, if it is understood; raises MammoError otherwise."""
    if bits in ("", AUTO, CONTAINER) or (bits.isdecimal() and min(CANDIDATES) <= int(bits) <= CONTAINER_BITS):
        return bits
    raise MammoError(
        f"--bits takes auto, container, or a number from {min(CANDIDATES)} to {CONTAINER_BITS}, not {bits!r}."
    )


def decide(
    films: Mapping[FilmGroup, Sequence[Mapping[str, Levels]]], bits: str, recorded: Iterable[GroupDepth] = ()
) -> list[GroupDepth]:
    """The depth of every group of `films` (full mammograms, then crops, by name).

    `bits` is what the user asks for: `auto`, `container`, a number, or nothing, which keeps what is recorded. What was
    named once holds for new groups too.
    """
    before = {} if bits else {record.group: record for record in recorded}
    named = {record.chosen for record in before.values()}
    usual = bits or (named.pop() if len(named) == 1 else AUTO)
    ordered = sorted(films, key=dataclasses.astuple)
    return [_of_group(group, films[group], usual, before.get(group)) for group in ordered]


def _of_group(
    group: FilmGroup, kinds: Sequence[Mapping[str, Levels]], chosen: str, before: GroupDepth | None
) -> GroupDepth:
    figures = estimate_depth(kinds, group.signed)
    depth = figures.scale.depth(figures.bits)
    if before:
        depth, chosen = Depth(before.bits, before.zero), before.chosen
    elif chosen != AUTO:
        depth = _named(chosen, figures.scale)
    full, crops = (len(films) for films in kinds)
    return GroupDepth(
        group, depth.bits, depth.zero, chosen, figures.bits, full, crops, figures.level, figures.dark
    )  # fmt: skip


def _named(chosen: str, scale: DepthScale) -> Depth:
    return OF_CONTAINER if chosen == CONTAINER else scale.depth(int(chosen))


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
