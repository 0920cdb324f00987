"""Frozen specs, their JSON, and the home folder in which a spec names a folder."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_type_hints

from mammo.errors import MammoError, brief
from mammo.files import digest_json
from mammo.links import LEADS_OUT, leads_out
from mammo.typed import typed

Thing = TypeVar("Thing")
SpecType = TypeVar("SpecType", bound="Spec")

LARGEST = 2**63 - 1
"""The largest seed: tables hold whole numbers of 64 bits."""
PROBE = "probe"
"""The optimiser of a head that is solved at every strength of regularisation instead of trained epoch by epoch."""
STRENGTHS = tuple(10 ** (half / 2) for half in range(-8, 9))
"""C of every step of a probe's path, the strongest regularisation first."""
SOLVED = {
    "lr": 0.0,
    "batch": 0,
    "epochs": len(STRENGTHS),
    "patience": 0,
    "seed": 0,
    "first_draws": 0,
    "scoring": "plain",
}
"""What a probe's settings of training come to: it has a step of the path for an epoch, and none of the others."""
HEAD_BOUNDS = {
    "hidden": (0, 8192),
    "batch": (1, 65536),
    "epochs": (1, 10_000),
    "patience": (0, 10_000),
    "first_draws": (0, 1000),
}
"""The least and the greatest of every whole number of a head that trains."""
SHARED = "shared.json"
"""The file by which a home is known as one that was written to be shared, and that nothing is to be added to."""
READ_ONLY = "MAMMO_READ_ONLY"
"""The environment variable by which a server lets its visitors add nothing."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def pick(choices: Mapping[str, Thing], name: str, what: str) -> Thing:
    """The entry `name` of `choices`; raises MammoError listing the choices where there is none."""
    if name in choices:
        return choices[name]
    raise MammoError(f"There is no {what} {name!r}; choose one of: {', '.join(sorted(choices))}.")


def check_name(name: str, what: str) -> str:
    """Return `name` if it is safe as a folder's name; raises MammoError where it is not."""
    if NAME.fullmatch(name):
        return name
    raise MammoError(
        f"{name!r} cannot name a {what}: use up to 80 lower-case letters, digits, '.', '-' and '_', "
        "a letter or digit first."
    )


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


@dataclass(frozen=True)
class Spec:
    """A frozen description that goes to JSON and back without loss."""

    what: ClassVar[str] = "spec"

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls: type[SpecType], content: Any) -> SpecType:
        """The spec read from JSON; raises MammoError naming a field that is unknown, missing or of a wrong type."""
        if not isinstance(content, dict):
            raise MammoError(f"A {cls.what} is written as a table of fields, not as {brief(content)}.")
        kind: Any = cls
        hints = _hints(kind)
        fields = dataclasses.fields(cls)
        names = [field.name for field in fields]
        for name in content:
            if name not in names:
                raise MammoError(f"A {cls.what} has no field {brief(name)}; its fields are: {', '.join(names)}.")
        needed = [field.name for field in fields if field.default is dataclasses.MISSING]
        if missing := [name for name in needed if name not in content]:
            raise MammoError(f"A {cls.what} lacks the field{'s' if len(missing) > 1 else ''} {', '.join(missing)}.")
        return cls(**{key: typed(value, hints[key], f"{cls.what} field {key!r}") for key, value in content.items()})

    @classmethod
    def field_value(cls, name: str, value: Any) -> Any:
        """A value as the field `name` holds it; raises MammoError where it is of a wrong type."""
        kind: Any = cls
        return typed(value, _hints(kind)[name], f"{cls.what} field {name!r}")

    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON."""
        return digest_json(self.to_json())


@dataclass(frozen=True)
class CacheSpec(Spec):
    """What a cache of activations holds.

    Every field can change a number. `weights` is a label: `imagenet`, `synthetic`, `random-SEED` or
    `file-STEM`; the identity adds the digest of the tensors themselves. `size` is in pixels. `draws` is
    the number of augmented versions of each image beside the plain one. `mean` and `std` are those of the greys
    0..1 that the weights were trained with, one number or three; empty for the trunk's own.
    """

    what: ClassVar[str] = "cache spec"

    dataset: str
    trunk: str = "vgg16"
    weights: str = "imagenet"
    tap: str = "features"
    kind: str = "full"
    preprocess: str = "builtin"
    resize: str = "stretch"
    size: int = 224
    augment: str = "none"
    draws: int = 0
    precision: str = "float32"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sizes, draws and normalisations that make no sense."""
        if not 32 <= self.size <= 4096:
            raise MammoError(f"The image size must be between 32 and 4096 pixels, not {self.size}.")
        if not 0 <= self.draws <= 1000:
            raise MammoError(f"The number of augmentation draws must be between 0 and 1000, not {self.draws}.")
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))
            if (
                len(values) not in (0, 1, 3)
                or not all(map(math.isfinite, values))
                or (name == "std" and min(values, default=1) <= 0)
            ):
                raise MammoError(
                    f"The {name} of the weights' training is one number or three{', above 0' * (name == 'std')}."
                )
            object.__setattr__(self, name, values[:1] if len(set(values)) == 1 else values)

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values; a normalisation only where it is not the trunk's own."""
        content = super().to_json()
        for name in ("mean", "std"):
            values = content.pop(name)
            content |= {name: list(values)} if values else {}
        return content

    @property
    def weights_words(self) -> str:
        """The label of the weights, and the normalisation they were trained with where it is not the trunk's own."""
        given = {"mean": self.mean, "std": self.std}
        return ", ".join(
            [self.weights, *(f"{name} {_numbers(values, ' ')}" for name, values in given.items() if values)]
        )

    def readable_name(self) -> str:
        """A folder name that a person can read, such as `vgg16-imagenet-224-letterbox-none-features`."""
        kind = [] if self.kind == "full" else [self.kind]
        preprocess = [] if self.preprocess == "builtin" else [self.preprocess]
        normalised = {"mean": self.mean, "std": self.std}
        augment = [] if self.augment == "none" else [f"{self.augment}{self.draws}"]
        trunk = re.sub(r"[^a-z0-9]+", "-", self.trunk.lower()).strip("-")
        weights = re.sub(r"[^a-z0-9]+", "-", self.weights.lower()).strip("-")
        weights = "-".join(
            [weights, *(f"{name}{_numbers(values, '-')}" for name, values in normalised.items() if values)]
        )
        parts = [trunk, weights, *kind, str(self.size), *preprocess, self.resize, *augment, self.precision, self.tap]
        return "-".join(parts)


def _numbers(values: tuple[float, ...], between: str) -> str:
    return between.join(f"{value:g}" for value in values)


@dataclass(frozen=True)
class HeadSpec(Spec):
    """One classification head and how it is trained.

    `hidden` is the number of ReLU units between pooled features and the logit, 0 for none. `patience`
    is the number of epochs without a better validation AUC after which training stops and the best
    epoch's weights are kept; 0 trains all `epochs` and keeps the last. `seed` fixes the initial weights,
    the order of batches and the dropout. `finetune` names the layers behind the tap `last-layer` that
    learn too, an entry of `mammo.heads.finetune.FINETUNES`, at their own learning rate `tail_lr`, which
    is 0 where none does. `first_draws` is how many of a cache's augmented versions may train, the first
    ones; 0 for all. `scoring` names how images that do not train are scored, an entry of
    `mammo.heads.scoring.SCORINGS`. The optimiser `PROBE` solves a linear head instead of training it, on plain images:
    learning rate, batch, epochs, patience, seed, draws and scoring fall away.
    """

    what: ClassVar[str] = "head spec"

    pool: str = "flatten"
    hidden: int = 0
    dropout: float = 0.0
    optimizer: str = "adam"
    lr: float = 1e-4
    batch: int = 32
    epochs: int = 50
    patience: int = 0
    seed: int = 0
    finetune: str = "none"
    tail_lr: float = 1e-5
    first_draws: int = 0
    scoring: str = "plain"

    def __post_init__(self) -> None:
        """Refuse settings that cannot train."""
        if self.finetune == "none":
            object.__setattr__(self, "tail_lr", 0.0)
        elif not 0 < self.tail_lr <= 10:
            raise MammoError(f"The tail's learning rate must be above 0 and at most 10, not {brief(self.tail_lr)}.")
        if self.solved:
            self._solve()
        elif not 0 < self.lr <= 10:
            raise MammoError(f"The learning rate must be above 0 and at most 10, not {brief(self.lr)}.")
        if not 0 <= self.dropout < 1:
            raise MammoError(f"The dropout must be at least 0 and below 1, not {brief(self.dropout)}.")
        if abs(self.seed) > LARGEST:
            raise MammoError(f"The head's seed must be below 2^63, not {brief(self.seed)}.")
        if self.solved:
            return
        for name, (low, high) in HEAD_BOUNDS.items():
            number = getattr(self, name)
            if not low <= number <= high:
                raise MammoError(f"The head's {name} must be between {low} and {high}, not {brief(number)}.")

    @property
    def solved(self) -> bool:
        """Whether the head is a probe."""
        return self.optimizer == PROBE

    def _solve(self) -> None:
        if self.hidden or self.dropout or self.finetune != "none":
            raise MammoError(
                "A probe is a linear head on frozen features: leave its hidden units and dropout at 0 and fine-tuning "
                "at none, or run the probes as a sweep of their own with `mammo probe`."
            )
        for name, value in SOLVED.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class SplitSpec(Spec):
    """How images are divided into train, validation and test.

    `seed` fixes the test set; `redraw` draws train and validation anew from what is left. The fractions
    are of all images; what neither validation nor test takes is train. `labels` says which images take
    part and the classes that heads learn: a name of `mammo.data.labels.LABELS`.
    """

    what: ClassVar[str] = "split spec"

    protocol: str = "patient"
    seed: int = 0
    redraw: int = 0
    validation: float = 0.1
    test: float = 0.2
    labels: str = "merged"

    def __post_init__(self) -> None:
        """Refuse fractions that leave nothing to train on, and seeds that draw nothing."""
        for name in ("seed", "redraw"):
            if not 0 <= getattr(self, name) <= LARGEST:
                raise MammoError(
                    f"The split's {name} must be between 0 and 2^63 - 1, not {brief(getattr(self, name))}."
                )
        if not (0 < self.validation < 0.5 and 0 < self.test < 0.5):
            raise MammoError("The validation and test fractions must each lie between 0 and 0.5.")


@dataclass(frozen=True)
class SweepSpec(Spec):
    """Caches × heads × splits of one data set; `caches` holds the names of their folders."""

    what: ClassVar[str] = "sweep spec"

    dataset: str
    caches: tuple[str, ...]
    heads: tuple[HeadSpec, ...]
    splits: tuple[SplitSpec, ...]

    def __post_init__(self) -> None:
        """Refuse an empty grid; what is named twice comes once."""
        for name in ("caches", "heads", "splits"):
            if not getattr(self, name):
                raise MammoError(f"A sweep needs at least one entry in its {name}.")
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))

    @property
    def runs(self) -> int:
        """The number of heads that the sweep trains."""
        return len(self.caches) * len(self.heads) * len(self.splits)


@dataclass(frozen=True)
class Home:
    """The one folder under which everything is written: data sets, features, sweeps and jobs."""

    path: Path

    def __post_init__(self) -> None:
        """Take a path or its text; it stays the same place when the working directory changes."""
        object.__setattr__(self, "path", Path(self.path).absolute())

    @classmethod
    def default(cls) -> Home:
        """`$MAMMO_HOME`, or `cache` in the folder of the caller."""
        return cls(Path(os.environ.get("MAMMO_HOME") or "cache"))

    @property
    def shared(self) -> bool:
        """Whether this is a demo to look at, which nothing is to be added to."""
        return (self.path / SHARED).is_file()

    @property
    def read_only(self) -> bool:
        """Whether nothing is to be added: to a demo, or by the visitors of a server that was started so."""
        return self.shared or bool(os.environ.get(READ_ONLY))

    def refuse_shared(self) -> None:
        """Raise MammoError where nothing is to be added."""
        if self.shared:
            raise MammoError("This is a shared home to look at: nothing can be added to it.")
        if self.read_only:
            raise MammoError("This server was started with --read-only: nothing can be added.")

    def leads_out(self, *paths: Path) -> Path | None:
        """The first of some paths below a room that a link leads out of the home, and of its rooms unless shared."""
        return next((path for path in paths if leads_out(self.path, path, rooms=not self.shared)), None)

    def refuse_links(self, *folders: Path) -> None:
        """Raise MammoError where a link leads one of some folders out of the home: nothing is written there."""
        if folder := self.leads_out(*folders):
            raise MammoError(
                f"{folder} {LEADS_OUT}: nothing is written there. Remove the link; the home itself, or its folder "
                f"{folder.relative_to(self.path).parts[0]}, may be a link to a larger disk."
            )

    def dataset(self, name: str) -> Path:
        """The folder of the data set `name`."""
        return self.path / "datasets" / check_name(name, "data set")

    def features(self, dataset: str) -> Path:
        """The folder that holds the caches of a data set."""
        return self.path / "features" / check_name(dataset, "data set")

    def cache(self, dataset: str, name: str) -> Path:
        """The folder of one cache."""
        return self.features(dataset) / check_name(name, "cache")

    def sweep(self, name: str) -> Path:
        """The folder of the sweep `name`."""
        return self.path / "sweeps" / check_name(name, "sweep")

    def job(self, name: str) -> Path:
        """The folder of the job `name`."""
        return self.path / "jobs" / check_name(name, "job")

    def names(self, *folders: str) -> list[str]:
        """The names of the folders below `folders`, sorted; a name that is no safe name is left out."""
        place = self.path.joinpath(*folders)
        if not place.is_dir():
            return []
        return sorted(entry.name for entry in place.iterdir() if entry.is_dir() and NAME.fullmatch(entry.name))
