"""The kinds of work of a job: each a frozen spec with its data set, its settings in words, and its work."""

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

SEPARATOR = ", "
"""The text between the names of several results."""


@dataclass(frozen=True)
class JobRequest(Spec):
    """The request of a job.

    `last_stage` is the last stage of its work that takes long, empty where it is unknown; `makes` is the kind of its
    results.
    """

    last_stage: ClassVar[str] = ""
    makes: ClassVar[str] = "data set"

    @property
    def dataset_name(self) -> str:
        """The name of the data set of the work."""
        raise NotImplementedError

    @property
    def settings(self) -> str:
        """The settings in words."""
        raise NotImplementedError

    def work(self, home: Home) -> Work[str]:
        """Do the work; return the name of the result, the names of several joined by `SEPARATOR`."""
        raise NotImplementedError

    @classmethod
    def results(cls, result: str) -> tuple[str, ...]:
        """The names of the results; raises MammoError where one is not valid."""
        return tuple(check_name(name, cls.makes) for name in result.split(SEPARATOR))


@dataclass(frozen=True)
class IndexRequest(JobRequest):
    """A new data set with the name `name`; the options of reading are in `mammo.data.index.options`."""

    name: str

    def __post_init__(self) -> None:
        """Raise MammoError where the name is not valid."""
        check_name(self.name, "data set")

    @property
    def dataset_name(self) -> str:
        """The name of the new data set."""
        return self.name


def _reading(bits: str, colour_marks: bool) -> ReadingOptions:
    from mammo.data.index.options import ReadingOptions

    return ReadingOptions(bits, colour_marks)


def _reading_words(bits: str, colour_marks: bool) -> list[str]:
    return [f"depth {bits}"] * bool(bits) + ["coloured marks ignored"] * colour_marks


@dataclass(frozen=True)
class PhantomRequest(IndexRequest):
    """A phantom with `images` mammograms."""

    what: ClassVar[str] = "request for a phantom"

    images: int
    seed: int
    bits: str = ""
    colour_marks: bool = False

    @property
    def settings(self) -> str:
        """The number of mammograms and the seed."""
        words = [f"{self.images:,} synthetic mammograms", f"seed {self.seed}"]
        return ", ".join([*words, *_reading_words(self.bits, self.colour_marks)])

    def work(self, home: Home) -> Work[str]:
        """Write and index the phantom."""
        from mammo.data.index.cbis_ddsm import index_phantom

        reading = _reading(self.bits, self.colour_marks)
        return (yield from index_phantom(home, self.name, self.images, self.seed, reading=reading)).name


@dataclass(frozen=True)
class CbisDdsmRequest(IndexRequest):
    """A download of CBIS-DDSM in the folder `root`; `csv` is the folder of its tables where they are elsewhere."""

    what: ClassVar[str] = "request for CBIS-DDSM"

    root: str
    csv: str | None = None
    metadata_only: bool = False
    bits: str = ""
    colour_marks: bool = False

    @property
    def settings(self) -> str:
        """Its folder, and the options of reading."""
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
class ManifestRequest(IndexRequest):
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
        """The manifest, and the meaning of its labels."""
        labels_of = {"positive": self.positive, "negative": self.negative, "left out": self.drop}
        words = [f"from {self.file}", *(f"{name}: {', '.join(labels)}" for name, labels in labels_of.items() if labels)]
        return "; ".join([*words, *_reading_words(self.bits, self.colour_marks)])

    def work(self, home: Home) -> Work[str]:
        """Index it."""
        from mammo.data.index.manifest import index_manifest
        from mammo.data.manifest.options import ManifestOptions

        options, reading = ManifestOptions.from_json(self.to_json()), _reading(self.bits, self.colour_marks)
        return (yield from index_manifest(home, self.name, Path(self.file), options=options, reading=reading)).name


@dataclass(frozen=True)
class CachesRequest(JobRequest):
    """Caches of one data set, extracted together."""

    what: ClassVar[str] = "request for features"
    last_stage: ClassVar[str] = "extract"
    makes: ClassVar[str] = "cache"

    specs: tuple[CacheSpec, ...]
    weights_file: str | None = None
    storage: str = "zstd"

    def __post_init__(self) -> None:
        """Raise MammoError where there is no spec, or the name of the data set is not valid."""
        if not self.specs:
            raise MammoError("There is nothing to extract; name at least one trunk.")
        check_name(self.dataset_name, "data set")

    @property
    def dataset_name(self) -> str:
        """The name of the data set whose images are read."""
        return self.specs[0].dataset

    @property
    def settings(self) -> str:
        """The trunks and their inputs."""
        specs = self.specs
        words = [_listed(_trunk(spec.trunk) for spec in specs), _listed(f"weights {spec.weights}" for spec in specs)]
        words += [_listed(f"{spec.resize} to {spec.size} pixels" for spec in specs)]
        for name, usual in (("kind", "full"), ("tap", "features"), ("preprocess", "builtin"), ("augment", "none")):
            words += [_listed(f"{name} {getattr(spec, name)}" for spec in specs if getattr(spec, name) != usual)]
        words += [_listed(f"{spec.draws} draws" for spec in specs if spec.draws)]
        words += [_listed(spec.precision for spec in specs)]
        return "; ".join(filter(None, words))

    def work(self, home: Home) -> Work[str]:
        """Extract the caches."""
        from mammo.features.extraction.extract import extract

        file = Path(self.weights_file) if self.weights_file else None
        extractions = yield from extract(home, list(self.specs), file, storage=self.storage)
        return SEPARATOR.join(extraction.cache.name for extraction in extractions)


@dataclass(frozen=True)
class SweepRequest(JobRequest):
    """A sweep."""

    what: ClassVar[str] = "request for a sweep"
    last_stage: ClassVar[str] = "sweep"
    makes: ClassVar[str] = "sweep"

    spec: SweepSpec

    def __post_init__(self) -> None:
        """Raise MammoError where a name is not valid."""
        check_name(self.dataset_name, "data set")
        for name in self.spec.caches:
            check_name(name, "cache")

    @property
    def dataset_name(self) -> str:
        """The name of the data set that the heads are trained on."""
        return self.spec.dataset

    @property
    def settings(self) -> str:
        """The number and kinds of the heads, the caches and the splits."""
        heads, caches = self.spec.heads, len(self.spec.caches)
        counted = "1 head" if self.spec.runs == 1 else f"{self.spec.runs:,} heads"
        words = [f"{counted} on {caches} {'cache' if caches == 1 else 'caches'}", *_head_words(heads)]
        return "; ".join(filter(None, [*words, *_split_words(self.spec.splits)]))

    def work(self, home: Home) -> Work[str]:
        """Train the sweep."""
        from mammo.heads.sweeps.sweep import sweep

        return (yield from sweep(home, self.spec))


@dataclass(frozen=True)
class ReportRequest(JobRequest):
    """The report on a data set."""

    what: ClassVar[str] = "request for the report"
    last_stage: ClassVar[str] = "train"

    spec: ReportSpec

    def __post_init__(self) -> None:
        """Raise MammoError where the name is not valid."""
        check_name(self.dataset_name, "data set")

    @property
    def dataset_name(self) -> str:
        """The name of the data set that the report is run on."""
        return self.spec.dataset

    @property
    def settings(self) -> str:
        """The settings that the report leaves open."""
        spec = self.spec
        words = [TRUNK_SETS[spec.trunks].label, f"weights {_listed(spec.weights)}", f"{spec.size} pixels"]
        return "; ".join([*words, f"{spec.epochs} epochs", f"{spec.splits} draws of train and validation"])

    def work(self, home: Home) -> Work[str]:
        """Run the missing rows of the report."""
        from mammo.paper import reproduce

        yield from reproduce(home, self.spec)
        return f"the report on {self.dataset_name}"

    @classmethod
    def results(cls, result: str) -> tuple[str, ...]:
        """The text of the result: the report has no name of its own."""
        return (result,)


def _trunk(name: str) -> str:
    from mammo.features.trunks.table import TRUNKS

    return _label(TRUNKS, name)


def _head_words(heads: Sequence[HeadSpec]) -> list[str]:
    """The settings of heads in the words of the Sweep form; those with their default are left out."""
    words = []
    for name in dict.fromkeys((*ALWAYS_NAMED, *HEAD_AXES)):
        axis = HEAD_AXES[name]
        values = dict.fromkeys(getattr(head, name) for head in heads if axis.applies_to(head))
        if values and (name in ALWAYS_NAMED or list(values) != [axis.default]):
            words.append(_axis_words(name, axis, list(values)))
    return words


def _axis_words(name: str, axis: Axis, values: list[Any]) -> str:
    """The values of an axis, with its label where the values need it."""
    from mammo.heads.choices import CHOICES

    if name in ("pool", "optimizer"):
        return _listed(str(value) if value == PROBE else CHOICES[name].entries[value].label for value in values)
    if axis.choices:
        return f"{_small(axis.label)}: {_listed(_small(_label(CHOICES[name].entries, value)) for value in values)}"
    return f"{_small(axis.label)} {_listed(f'{value:g}' for value in values)}"


def _split_words(splits: Sequence[SplitSpec]) -> list[str]:
    """The splits, and the labels where they are not the usual ones, in the words of the Sweep form."""
    from mammo.data.splits.labels import LABELS
    from mammo.data.splits.protocols import SPLITS

    words = [f"split: {_listed(_small(_label(SPLITS, split.protocol)) for split in splits)}"]
    labels = _listed(_small(_label(LABELS, split.labels)) for split in splits)
    return [*words, f"labels: {labels}"] if labels != _small(LABELS["merged"].label) else words


def _small(label: str) -> str:
    """A label with a small first letter, for use within a sentence."""
    return label[:1].lower() + label[1:]


def _label(registry: Mapping[str, Any], name: str) -> str:
    return str(registry[name].label) if name in registry else name


ALWAYS_NAMED = ("pool", "optimizer", "lr", "epochs")
"""Axes of heads that come first, and that are also listed with their default."""
SHOWN = 6
"""The most values of a setting that are listed."""


def _listed(values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(values))
    hidden = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
    return ", ".join(distinct[:SHOWN]) + hidden


VERBS: dict[str, type[JobRequest]] = {
    "index-phantom": PhantomRequest,
    "index-cbis-ddsm": CbisDdsmRequest,
    "index-manifest": ManifestRequest,
    "extract": CachesRequest,
    "sweep": SweepRequest,
    "paper": ReportRequest,
}
"""The kinds of jobs; their names stand in stored files and in addresses."""
