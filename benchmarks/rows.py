"""Every figure of `mammo bench`: what is raced, against whom, and how much faster it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.heads import against, hidden, splitting
from benchmarks.images import extracting, preparing, reading
from benchmarks.sweeps import reporting, sweeping
from benchmarks.tails import tuning
from benchmarks.timing import Race


@dataclass(frozen=True)
class Row:
    """One race; `measure(repeats)` runs it, `target` is the least ratio, `needs` a package that may be missing."""

    label: str
    peer: str
    unit: str
    target: float
    measure: Callable[[int], Race]
    quick: bool = False
    needs: str = ""


EPOCH = "seconds an epoch of 64 heads"
LOOP, SHARED = "a DataLoader loop per head, torch's Adam", "one step, a module and parameter group per head"
LEAST = {
    512: (60, 15),
    2048: (60, 15),
    25088: (10, 4),
    100352: (8, 3),
}
"""By features: the least ratio against the loop and against the shared step."""

ROWS: dict[str, Row] = {
    **{
        f"bank-{count}-{peer}": Row(
            f"bank, {count:,} features", label, EPOCH, least, against(peer, count), quick=count < 5000
        )
        for count, targets in LEAST.items()
        for (peer, label), least in zip((("loop", LOOP), ("shared", SHARED)), targets, strict=True)
    },
    "bank-splits": Row(
        "bank, 2,048 features, five splits in one step",
        "five banks, one after another",
        "seconds an epoch of 64 heads",
        1.7,
        splitting,
        quick=True,
    ),
    "hidden-25088": Row(
        "128 hidden units, 25,088 features", "a loop with torch's Adam", "seconds an epoch", 2.5, hidden(25088, 128)
    ),
    "prepare": Row(
        "films of 5000 × 3000 to two squares", "pydicom and scikit-image", "seconds an image", 10, preparing, quick=True
    ),
    "extract-forward": Row(
        "VGG16, small files to a cache",
        "the same forward alone",
        "seconds an image",
        0.9,
        extracting("vgg16", "forward"),
    ),
    "extract-torch": Row(
        "VGG16, small files to a cache", "torch, float32", "seconds an image", 2.3, extracting("vgg16", "torch")
    ),
    "extract-keras": Row(
        "VGG16, small files to a cache", "Keras", "seconds an image", 1.4, extracting("vgg16", "keras"), needs="keras"
    ),
    "sweep-end-to-end": Row(
        "a sweep of 64 heads, 50 epochs, VGG16 Flatten",
        "the same end to end, by its forward rate",
        "seconds",
        10_000,
        sweeping,
    ),
    "report-end-to-end": Row(
        "the report's 11 frozen rows, 5 splits, 50 epochs, extraction included",
        "the same end to end, by its forward rate",
        "seconds",
        150,
        reporting,
    ),
    **{
        f"finetune-{trunk}": Row(
            f"{trunk}, last convolution and head from the tap",
            "the whole network",
            "seconds an epoch",
            8,
            tuning(trunk),
        )
        for trunk in ("vgg16", "resnet50")
    },
    "read-zstd": Row("a cache into memory", "numpy.load, warm", "seconds", 0.15, reading("zstd"), quick=True),
    "read-fast": Row(
        "a cache kept as it is into memory", "numpy.load, warm", "seconds", 0.4, reading("fast"), quick=True
    ),
}
