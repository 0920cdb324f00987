"""The report's own content: its two tables as one literal, its results over five splits, and what it leaves open."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from mammo.errors import MammoError
from mammo.results.setting_words import label_of
from mammo.specs import CacheSpec, HeadSpec, Spec, SplitSpec, pick

TITLES = {1: "VGG16", 2: "ResNet50"}
"""The trunk of each of the report's tables, by number."""
VALIDATED = 326
"""The number of the report's validation images: each of its accuracies is a whole number of 326ths."""


def power(rate: float) -> str:
    """A learning rate in short form, such as `1e-5`."""
    return f"{rate:.0e}".replace("e-0", "e-")


@dataclass(frozen=True)
class Row:
    """One row of a table: the report's settings and its validation figures; None where it gives none.

    `last_layer` says whether the trunk's last layer was trainable, `augmented` whether the training images went
    through the image data generator, `ratio_kept` whether the height/width ratio was kept.
    """

    table: int
    row: int
    preprocess: str
    last_layer: bool
    optimizer: str
    pool: str
    lr: float
    augmented: bool
    ratio_kept: bool
    accuracy: float | None
    auc: float | None

    @property
    def name(self) -> str:
        """The row's trunk and number, such as `VGG16, row 5`."""
        return f"{TITLES[self.table]}, row {self.row}"

    @property
    def label(self) -> str:
        """The row's number and settings in short form, such as `5 · Adam · Flatten · 1e-5`."""
        options = {"self-written": self.preprocess == "enhanced", "last layer": self.last_layer}
        options |= {"augmented": self.augmented, "ratio kept": self.ratio_kept}
        words = [label_of("optimizer", self.optimizer), label_of("pool", self.pool), power(self.lr)]
        words += [word for word, on in options.items() if on]
        return " · ".join([str(self.row), *words])

    @property
    def preprocessing(self) -> str:
        """The report's word for the preprocessing."""
        return {"enhanced": "self-written"}.get(self.preprocess) or label_of("preprocess", self.preprocess)

    @property
    def hidden(self) -> int:
        """Units between features and output: 128 for ResNet50, none for VGG16."""
        return 128 if self.table == 2 else 0


ROWS = (
    Row(1, 1, "builtin", True, "adam", "flatten", 1e-4, False, False, None, None),
    Row(1, 2, "builtin", False, "adam", "flatten", 1e-4, False, False, 0.6933, 0.7353),
    Row(1, 3, "enhanced", False, "adam", "flatten", 1e-4, False, False, 0.5920, 0.6708),
    Row(1, 4, "builtin", False, "nadam", "flatten", 1e-4, False, False, 0.6656, 0.7337),
    Row(1, 5, "builtin", False, "adam", "flatten", 1e-5, False, False, 0.7270, 0.8016),
    Row(1, 6, "builtin", False, "adam", "flatten", 1e-3, False, False, 0.6748, 0.7034),
    Row(1, 7, "builtin", False, "adam", "gap", 1e-5, False, False, 0.5982, 0.6355),
    Row(1, 8, "builtin", False, "adam", "flatten", 1e-5, True, False, 0.7086, 0.7487),
    Row(1, 9, "builtin", False, "adam", "flatten", 1e-5, False, True, 0.7117, 0.7286),
    Row(2, 1, "builtin", True, "nadam", "flatten", 1e-4, False, False, 0.7209, 0.8036),
    Row(2, 2, "enhanced", True, "nadam", "flatten", 1e-4, False, False, 0.6564, 0.7217),
    Row(2, 3, "builtin", False, "nadam", "flatten", 1e-4, False, False, 0.7270, 0.8234),
    Row(2, 4, "builtin", False, "nadam", "gap", 1e-4, False, False, 0.7515, 0.8269),
    Row(2, 5, "builtin", False, "nadam", "gap", 1e-3, False, False, 0.7086, 0.7959),
    Row(2, 6, "builtin", False, "nadam", "gap", 1e-5, False, False, 0.6871, 0.7617),
)
"""The rows of both tables, numbered from the top."""

BOLD = {1: 5, 2: 4}
"""The row that each table prints in bold: that with the highest validation AUC."""

FIVE_SPLITS: dict[int, tuple[float, float]] = {1: (0.686, 0.737)}
"""Mean test accuracy and mean test AUC over five splits, by table; the report gives none for ResNet50."""


FEWER = (1, 2, 4, 8, 16, 32, 64)
"""Smaller numbers of draws that an augmented row is also trained on, to see how many are enough."""


@dataclass(frozen=True)
class TrunkSet:
    """The two trunks that stand for the report's VGG16 and ResNet50, in the order of its tables."""

    label: str
    description: str
    trunks: tuple[str, str]
    weights: str


TRUNK_SETS: dict[str, TrunkSet] = {
    "full": TrunkSet("VGG16 and ResNet50", "The report's own trunks.", ("vgg16", "resnet50"), "imagenet"),
    "mini": TrunkSet(
        "Mini trunks",
        "Stand-ins at an eighth of the width, trained on synthetic lesions: for trying out, not for real mammograms.",
        ("vgg16-mini", "resnet50-mini"),
        "synthetic",
    ),
}


@dataclass(frozen=True)
class ReportSpec(Spec):
    """The report on one data set: the settings that its tables leave open.

    `weights` are the labels of the two trunks' weights; empty means those of the trunk set. `splits` is the number of
    draws of train and validation, while `seed` fixes the test set; `draws` is the number of augmented versions of an
    image.
    """

    what: ClassVar[str] = "paper spec"

    dataset: str
    trunks: str = "full"
    weights: tuple[str, ...] = ()
    kind: str = "full"
    size: int = 224
    batch: int = 32
    epochs: int = 30
    seed: int = 0
    splits: int = 5
    draws: int = 10

    def __post_init__(self) -> None:
        """Fill in the weights; raises MammoError for unknown trunks and for numbers out of range."""
        chosen = pick(TRUNK_SETS, self.trunks, "set of trunks")
        labels = self.weights or (chosen.weights,) * len(chosen.trunks)
        if len(labels) != len(chosen.trunks):
            raise MammoError(f"Name the weights of both trunks, {' and '.join(chosen.trunks)}, not of {len(labels)}.")
        object.__setattr__(self, "weights", labels)
        for name, low, high in (("splits", 1, 50), ("draws", 1, 1000)):
            if not low <= getattr(self, name) <= high:
                raise MammoError(f"The report's {name} must be between {low} and {high}, not {getattr(self, name)}.")

    def trunk(self, table: int) -> str:
        """The trunk of a table."""
        return TRUNK_SETS[self.trunks].trunks[table - 1]

    def cache(self, row: Row, precision: str) -> CacheSpec:
        """The features that a row is trained on."""
        return CacheSpec(
            dataset=self.dataset,
            trunk=self.trunk(row.table),
            weights=self.weights[row.table - 1],
            tap="last-layer" if row.last_layer else "features",
            kind=self.kind,
            preprocess=row.preprocess,
            resize="letterbox" if row.ratio_kept else "stretch",
            size=self.size,
            augment="generator" if row.augmented else "none",
            draws=self.draws if row.augmented else 0,
            precision=precision,
        )

    def head(self, row: Row) -> HeadSpec:
        """The head of a row; where the trunk's last layer is trained too, it has the same learning rate."""
        return HeadSpec(
            pool=row.pool,
            hidden=row.hidden,
            optimizer=row.optimizer,
            lr=row.lr,
            batch=self.batch,
            epochs=self.epochs,
            patience=0,
            seed=self.seed,
            finetune="last-layer" if row.last_layer else "none",
            tail_lr=row.lr,
        )

    def heads(self, row: Row) -> tuple[HeadSpec, ...]:
        """The head of a row; for an augmented row also heads on the first draws alone, the fewest draws last."""
        head = self.head(row)
        fewer = [number for number in FEWER if number < self.draws] if row.augmented else []
        return head, *(dataclasses.replace(head, first_draws=number) for number in reversed(fewer))

    def plain(self, row: Row) -> Row | None:
        """The row that differs from an augmented row in the augmentation alone; None where there is none."""
        cache, head = dataclasses.replace(self.cache(row, "float32"), augment="none", draws=0), self.head(row)
        return next(
            (plain for plain in ROWS if (self.cache(plain, "float32"), self.head(plain)) == (cache, head)), None
        )

    def split(self, protocol: str, redraw: int) -> SplitSpec:
        """One draw of train and validation."""
        return SplitSpec(protocol, self.seed, redraw)

    def settings(self, row: Row) -> dict[str, Any]:
        """A row's settings as plain JSON values."""
        cache, head = self.cache(row, "float32"), self.head(row)
        settings = {
            name: getattr(cache, name) for name in ("trunk", "weights", "preprocess", "tap", "resize", "augment")
        }
        settings |= {name: getattr(head, name) for name in ("pool", "hidden", "optimizer", "lr", "finetune")}
        return {**settings, "draws": cache.draws, "batch": self.batch, "epochs": self.epochs, "size": self.size}


def left_open(spec: ReportSpec, images: int) -> list[tuple[str, str, str]]:
    """What the report leaves open: the topic, the report's statement, and the choice here."""
    return [
        (
            "Epochs",
            "Not given.",
            f"{spec.epochs}, and the weights of the last are kept: to stop early would choose an epoch on the very "
            "images that are reported.",
        ),
        ("Batch", "Not given.", f"{spec.batch} images, Keras' default."),
        (
            "Seeds",
            "None: random_state is None.",
            f"{spec.seed}, for the test set and for the heads; the rest is divided {spec.splits} times.",
        ),
        (
            "Images",
            "Its “1644 images” are cases; accuracies in 326ths and 2,300 training images mean about 3,260 images.",
            f"All {images:,} of the data set.",
        ),
        (
            "Test set",
            "20 % at random; figures on it are given for VGG16 alone.",
            "At random too, and beside it by patient and as the collection names it.",
        ),
        (
            "Last layer",
            "“Replaced with new weights”; the last layer that Keras lists of either trunk has no weights.",
            "The last convolution learns, from its pretrained weights, at the learning rate of the row.",
        ),
        (
            "Head",
            "A softmax, for ResNet50 after 128 units.",
            "One logit, which for two classes is the same; for ResNet50 after 128 ReLU units. No dropout.",
        ),
        ("Self-written preprocessing", "Its section is empty.", "After BreastNet18, which the report cites."),
        ("Built-in preprocessing", "Not described.", "What the weights of the trunk ask for."),
        (
            "Data generator",
            "New pictures before each epoch.",
            f"{spec.draws} pictures of each image are kept, and each epoch takes the next.",
        ),
        ("Optimisers", "Those of Keras (ε = 1e-7).", "Those of torch (ε = 1e-8)."),
        ("Labels", "Both benign kinds alike.", "The same."),
    ]
