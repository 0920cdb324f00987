"""The kinds of work that a job can be: each a frozen spec that knows its data set, its settings and its work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mammo.errors import MammoError
from mammo.progress import Work
from mammo.results.report.stated import TRUNK_SETS, ReportSpec
from mammo.specs import PROBE, Axis, CacheSpec, HeadSpec, Home, Spec, SplitSpec, SweepSpec, check_name
from mammo.specs.head_spec import HEAD_AXES

if TYPE_CHECKING:
    from mammo.data.index.options import ReadingOptions

BETWEEN = ", "
"""What stands between the names of several results."""


@dataclass(frozen=True)
class Wanted(Spec):
    """What is wanted of a job.

    `last_stage` is the stage of its work after which nothing comes that takes long; empty where nobody knows.
    """

    last_stage: ClassVar[str] = ""
    makes: ClassVar[str] = "data set"

    @property
    def about(self) -> str:
        """The name of the data set that the work is about."""
        raise NotImplementedError

    @property
    def settings(self) -> str:
        """The settings in words."""
        raise NotImplementedError

    def work(self, home: Home) -> Work[str]:
        """Do it; returns the name of what was made, of several with `BETWEEN` between them."""
        raise NotImplementedError

    @classmethod
    def results(cls, result: str) -> tuple[str, ...]:
        """The names of what was made; raises MammoError where one cannot be such a name."""
        return tuple(check_name(name, cls.makes) for name in result.split(BETWEEN))


@dataclass(frozen=True)
class WantedIndex(Wanted):
    """A data set by the name `name`, and how its files are read: see `mammo.data.index.options`."""

    name: str

    def __post_init__(self) -> None:
        """Refuse a name that is none."""
        check_name(self.name, "data set")

    @property
    def about(self) -> str:
        """The data set that is made."""
        return self.name


def _reading(bits: str, colour_marks: bool) -> ReadingOptions:
    from mammo.data.index.options import ReadingOptions

    return ReadingOptions(bits, colour_marks)


def _reading_words(bits: str, colour_marks: bool) -> list[str]:
    return [f"depth {bits}"] * bool(bits) + ["coloured marks ignored"] * colour_marks


@dataclass(frozen=True)
class WantedPhantom(WantedIndex):
    """A phantom of so many mammograms."""

    what: ClassVar[str] = "request for a phantom"

    images: int
    seed: int
    bits: str = ""
    colour_marks: bool = False

    @property
    def settings(self) -> str:
        """How many mammograms, and which."""
        words = [f"{self.images:,} synthetic mammograms", f"seed {self.seed}"]
        return ", ".join([*words, *_reading_words(self.bits, self.colour_marks)])

    def work(self, home: Home) -> Work[str]:
        """Write and index it."""
        from mammo.data.index.cbis_ddsm import index_phantom

        reading = _reading(self.bits, self.colour_marks)
        return (yield from index_phantom(home, self.name, self.images, self.seed, reading=reading)).name


@dataclass(frozen=True)
class WantedCbisDdsm(WantedIndex):
    """A download of CBIS-DDSM in the folder `root`; `csv` is the folder of its tables where that is another."""

    what: ClassVar[str] = "request for CBIS-DDSM"

    root: str
    csv: str | None = None
    metadata_only: bool = False
    bits: str = ""
    colour_marks: bool = False

    @property
    def settings(self) -> str:
        """Where it lies, and what is read of it."""
        words = [f"from {self.root}", *(["its tables alone"] if self.metadata_only else [])]
        return ", ".join([*words, *_reading_words(self.bits, self.colour_marks)])

    def work(self, home: Home) -> Work[str]:
        """Index it."""
        from mammo.data.index.cbis_ddsm import index_cbis_ddsm

        csv = Path(self.csv) if self.csv else None
        reading = _reading(self.bits, self.colour_marks)
        indexing = index_cbis_ddsm(home, self.name, Path(self.root), csv, self.metadata_only, reading=reading)
        return (yield from indexing).name


@dataclass(frozen=True)
class WantedManifest(WantedIndex):
    """The images that the manifest `file` lists, read as `mammo.data.manifest.options` says."""

    what: ClassVar[str] = "request for a manifest"

    file: str
    columns: dict[str, str] | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    root: str | None = None
    sheet: str | None = None
    header: tuple[str, ...] = ()
    header_patients: bool = False
    intent: str | None = None
    licence: str = ""
    bits: str = ""
    colour_marks: bool = False

    @property
    def settings(self) -> str:
        """Which manifest, and what is said of it."""
        named = {"positive": self.positive, "negative": self.negative, "left out": self.drop}
        words = [f"from {self.file}", *(f"{name}: {', '.join(labels)}" for name, labels in named.items() if labels)]
        return "; ".join([*words, *_reading_words(self.bits, self.colour_marks)])

    def work(self, home: Home) -> Work[str]:
        """Index it."""
        from mammo.data.index.manifest import index_manifest
        from mammo.data.manifest.options import ManifestOptions

        options, reading = ManifestOptions.from_json(self.to_json()), _reading(self.bits, self.colour_marks)
        return (yield from index_manifest(home, self.name, Path(self.file), options=options, reading=reading)).name


@dataclass(frozen=True)
class WantedCaches(Wanted):
    """Caches of one data set, made together."""

    what: ClassVar[str] = "request for features"
    last_stage: ClassVar[str] = "extract"
    makes: ClassVar[str] = "cache"

    specs: tuple[CacheSpec, ...]
    weights_file: str | None = None
    storage: str = "zstd"

    def __post_init__(self) -> None:
        """Refuse what names no data set."""
        if not self.specs:
            raise MammoError("There is nothing to extract; name at least one trunk.")
        check_name(self.about, "data set")

    @property
    def about(self) -> str:
        """The data set whose images are read."""
        return self.specs[0].dataset

    @property
    def settings(self) -> str:
        """The trunks and what they see."""
        specs = self.specs
        words = [_listed(_trunk(spec.trunk) for spec in specs), _listed(f"weights {spec.weights}" for spec in specs)]
        words += [_listed(f"{spec.resize} to {spec.size} pixels" for spec in specs)]
        for name, usual in (("kind", "full"), ("tap", "features"), ("preprocess", "builtin"), ("augment", "none")):
            words += [_listed(f"{name} {getattr(spec, name)}" for spec in specs if getattr(spec, name) != usual)]
        words += [_listed(f"{spec.draws} draws" for spec in specs if spec.draws)]
        words += [_listed(spec.precision for spec in specs)]
        return "; ".join(filter(None, words))

    def work(self, home: Home) -> Work[str]:
        """Extract them."""
        from mammo.features.extraction.extract import extract

        file = Path(self.weights_file) if self.weights_file else None
        made = yield from extract(home, list(self.specs), file, storage=self.storage)
        return BETWEEN.join(extracted.cache.name for extracted in made)


@dataclass(frozen=True)
class WantedSweep(Wanted):
    """A sweep."""

    what: ClassVar[str] = "request for a sweep"
    last_stage: ClassVar[str] = "sweep"
    makes: ClassVar[str] = "sweep"

    spec: SweepSpec

    def __post_init__(self) -> None:
        """Refuse names that are none."""
        check_name(self.about, "data set")
        for name in self.spec.caches:
            check_name(name, "cache")

    @property
    def about(self) -> str:
        """The data set that the heads are trained on."""
        return self.spec.dataset

    @property
    def settings(self) -> str:
        """How many heads of which kinds, on what."""
        heads, caches = self.spec.heads, len(self.spec.caches)
        counted = "1 head" if self.spec.runs == 1 else f"{self.spec.runs:,} heads"
        words = [f"{counted} on {caches} {'cache' if caches == 1 else 'caches'}", *_head_words(heads)]
        return "; ".join(filter(None, [*words, *_split_words(self.spec.splits)]))

    def work(self, home: Home) -> Work[str]:
        """Train it."""
        from mammo.heads.sweeps.sweep import sweep

        return (yield from sweep(home, self.spec))


@dataclass(frozen=True)
class WantedPaper(Wanted):
    """The report on a data set."""

    what: ClassVar[str] = "request for the report"
    last_stage: ClassVar[str] = "train"

    spec: ReportSpec

    def __post_init__(self) -> None:
        """Refuse a name that is none."""
        check_name(self.about, "data set")

    @property
    def about(self) -> str:
        """The data set that it is run on."""
        return self.spec.dataset

    @property
    def settings(self) -> str:
        """What the report leaves open."""
        spec = self.spec
        words = [TRUNK_SETS[spec.trunks].label, f"weights {_listed(spec.weights)}", f"{spec.size} pixels"]
        return "; ".join([*words, f"{spec.epochs} epochs", f"{spec.splits} draws of train and validation"])

    def work(self, home: Home) -> Work[str]:
        """Run what is missing of it."""
        from mammo.paper import reproduce

        yield from reproduce(home, self.spec)
        return f"the report on {self.about}"

    @classmethod
    def results(cls, result: str) -> tuple[str, ...]:
        """The report has no name of its own."""
        return (result,)


def _trunk(name: str) -> str:
    from mammo.features.trunks.table import TRUNKS

    return _label(TRUNKS, name)


def _head_words(heads: Sequence[HeadSpec]) -> list[str]:
    """What heads are made and trained with, as the Sweep form calls it; what is as usual is left out."""
    words = []
    for name in dict.fromkeys((*ALWAYS_NAMED, *HEAD_AXES)):
        axis = HEAD_AXES[name]
        values = dict.fromkeys(getattr(head, name) for head in heads if axis.applies_to(head))
        if values and (name in ALWAYS_NAMED or list(values) != [axis.default]):
            words.append(_axis_words(name, axis, list(values)))
    return words


def _axis_words(name: str, axis: Axis, values: list[Any]) -> str:
    """The values of an axis, with its label where they do not speak for themselves."""
    from mammo.heads.choices import CHOICES

    if name in ("pool", "optimizer"):
        return _listed(str(value) if value == PROBE else CHOICES[name].entries[value].label for value in values)
    if axis.choices:
        return f"{_small(axis.label)}: {_listed(_small(_label(CHOICES[name].entries, value)) for value in values)}"
    return f"{_small(axis.label)} {_listed(f'{value:g}' for value in values)}"


def _split_words(splits: Sequence[SplitSpec]) -> list[str]:
    """How images are split and which labels they have, where that is not usual, as the Sweep form calls it."""
    from mammo.data.splits.labels import LABELS
    from mammo.data.splits.protocols import SPLITS

    words = [f"split: {_listed(_small(_label(SPLITS, split.protocol)) for split in splits)}"]
    labels = _listed(_small(_label(LABELS, split.labels)) for split in splits)
    return [*words, f"labels: {labels}"] if labels != _small(LABELS["merged"].label) else words


def _small(label: str) -> str:
    """A label in the midst of a sentence."""
    return label[:1].lower() + label[1:]


def _label(registry: Mapping[str, Any], name: str) -> str:
    return str(registry[name].label) if name in registry else name


ALWAYS_NAMED = ("pool", "optimizer", "lr", "epochs")
"""Axes of heads that a job names first, and also where they are as usual."""
SHOWN = 6
"""How many values of a setting are listed."""


def _listed(values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(values))
    more = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
    return ", ".join(distinct[:SHOWN]) + more


VERBS: dict[str, type[Wanted]] = {
    "index-phantom": WantedPhantom,
    "index-cbis-ddsm": WantedCbisDdsm,
    "index-manifest": WantedManifest,
    "extract": WantedCaches,
    "sweep": WantedSweep,
    "paper": WantedPaper,
}
"""What each kind of job does; the names stand in homes and addresses."""
