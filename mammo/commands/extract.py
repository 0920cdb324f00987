"""`mammo extract`: write activations of frozen trunks into caches."""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

from mammo.commands.shared import (
    Commands,
    add_command,
    home_of,
    measured_estimate,
    show,
    table,
    with_bar,
    words,
)
from mammo.errors import MammoError
from mammo.specs import CacheSpec, Home


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo extract phantom --trunk vgg16-mini,resnet50-mini --resize stretch,letterbox"
    parser = add_command(commands, "extract", "extract activations of frozen trunks into caches", example, run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument(
        "--trunk", required=True, help="vgg16, resnet50, vgg16-mini, resnet50-mini or timm:MODEL; a list"
    )
    parser.add_argument("--weights", help="imagenet, synthetic, random or a FILE of tensors of any kind")
    for name in ("mean", "std"):
        meaning = (
            f"{name} of the greys 0 to 1 that the weights were trained with: one number, or three separated by commas"
        )
        parser.add_argument(
            f"--{name}", type=numbers, default=(), metavar="X", help=f"{meaning} (default: the trunk's)"
        )
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights (default: 0)")
    parser.add_argument("--tap", default="features", help="features (default) or last-layer; a list")
    parser.add_argument("--kind", default="full", help="full mammograms (default) or crop")
    parser.add_argument("--resize", default="stretch", help="stretch (default) or letterbox; a list")
    parser.add_argument("--preprocess", default="builtin", help="builtin (default) or enhanced; a list")
    parser.add_argument("--augment", default="none", help="none (default), generator or sevenfold")
    parser.add_argument(
        "--draws", type=int, help="augmented versions beside the plain image (default: 10 with generator)"
    )
    parser.add_argument(
        "--size", type=int, default=224, help="side of the trunk's square input in pixels (default: 224)"
    )
    parser.add_argument("--precision", default="auto", help="auto (default), float32, bfloat16 or float16")
    parser.add_argument(
        "--storage",
        default="zstd",
        help="zstd (default), or fast: several times as fast to read, two to three times as large",
    )
    parser.add_argument("--engine", default="local", choices=["local"], help="where the work runs")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--workers", type=int, help="processes that read images (default: one for each core)")
    parser.add_argument("--estimate", action="store_true", help="show the expected cost, and compute nothing")


def run(arguments: argparse.Namespace) -> int:
    """Extract, and print the numbers of computed and reused images."""
    from mammo.features.extraction.extract import extract

    if arguments.workers is not None and arguments.workers < 1:
        raise MammoError(f"--workers must be at least 1, not {arguments.workers}.")
    started = time.monotonic()
    home = home_of(arguments)
    specs, weights_file = specs_of(arguments)
    if arguments.estimate:
        return _show_estimate(home, specs, arguments)
    extractions = with_bar(extract(home, specs, weights_file, arguments.device, arguments.workers, arguments.storage))
    content = document(extractions, time.monotonic() - started)
    columns = ["cache", "images", "versions", "computed", "reused"]
    text = table([[cache[column] for column in columns] for cache in content["caches"]], columns)
    weights = "".join(f"Weights: {sentence}.\n" for sentence in content["weights_read"])
    speed = f"{content['images_per_second']:.1f} images/s in {content['seconds']:.1f} s"
    if not sum(cache["computed"] for cache in content["caches"]):
        speed = f"All of it was there already ({content['seconds']:.1f} s)."
    show(arguments, content, f"{text}\n{weights}{speed}")
    return 0


def _show_estimate(home: Home, specs: list[CacheSpec], arguments: argparse.Namespace) -> int:
    from mammo.estimates.estimate import extraction_estimate

    estimate = measured_estimate(home, lambda: extraction_estimate(home, specs, arguments.storage))
    caches = "1 cache" if len(specs) == 1 else f"{len(specs)} caches"
    show(arguments, {"caches": len(specs), **estimate.to_json()}, f"{caches}: {estimate.sentence}")
    return 0


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas; raises ValueError, which argparse turns into an error message."""
    return tuple(float(part) for part in text.split(","))


def specs_of(arguments: argparse.Namespace) -> tuple[list[CacheSpec], Path | None]:
    """The cache specs that the options describe, and the weights file, None where the weights come from none."""
    from mammo.features.precision import fast_precision
    from mammo.features.trunks.table import find_trunk
    from mammo.features.trunks.weights import weights_label
    from mammo.images.augment import default_draws

    file = None
    draws = default_draws(arguments.augment) if arguments.draws is None else arguments.draws
    axes = [words(getattr(arguments, name)) for name in ("trunk", "tap", "resize", "preprocess")]
    specs = []
    for trunk, tap, resize, preprocess in itertools.product(*axes):
        choice = arguments.weights or find_trunk(trunk).default_weights
        label = weights_label(choice, arguments.seed)
        file = Path(choice).absolute() if label.startswith("file-") else None
        precision = fast_precision() if arguments.precision == "auto" else arguments.precision
        spec = CacheSpec(
            arguments.dataset, trunk, label, tap, arguments.kind, preprocess, resize,
            arguments.size, arguments.augment, draws, precision, arguments.mean, arguments.std,
        )  # fmt: skip
        specs.append(spec)
    if not specs:
        raise MammoError("Name at least one trunk, tap, resize and preprocessing.")
    return specs, file


def document(extractions: list[Any], seconds: float) -> dict[str, Any]:
    """The results of an extraction as plain JSON values; the top level has the first cache's values and the sums."""
    caches = [
        {
            "cache": extraction.cache.name,
            "images": extraction.cache.shape[0],
            "versions": extraction.cache.versions,
            "computed": extraction.computed,
            "reused": extraction.reused,
            "storage": extraction.cache.storage,
            "digest": extraction.cache.manifest["digest"],
            "weights_read": list(extraction.weights_read),
        }
        for extraction in extractions
    ]
    computed = sum(cache["computed"] for cache in caches)
    return {
        **caches[0],
        "computed": computed,
        "reused": sum(cache["reused"] for cache in caches),
        "seconds": round(seconds, 3),
        "images_per_second": round(computed / seconds, 3),
        "caches": caches,
    }
