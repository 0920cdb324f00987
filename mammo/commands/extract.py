"""`mammo extract`: activations of frozen trunks into caches."""

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
    parser.add_argument("--weights", help="imagenet, synthetic, random or a FILE of tensors, however it was saved")
    for name in ("mean", "std"):
        meaning = f"{name} of the greys 0 to 1 that the weights were trained with: one number or three, by commas"
        parser.add_argument(
            f"--{name}", type=numbers, default=(), metavar="X", help=f"{meaning} (default: the trunk's)"
        )
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights (default: 0)")
    parser.add_argument("--tap", default="features", help="features (default) or last-layer; a list")
    parser.add_argument("--kind", default="full", help="full mammograms (default) or crop")
    parser.add_argument("--resize", default="stretch", help="stretch (default) or letterbox; a list")
    parser.add_argument("--preprocess", default="builtin", help="builtin (default) or enhanced; a list")
    parser.add_argument("--augment", default="none", help="none (default), generator or sevenfold")
    parser.add_argument("--draws", type=int, help="versions beside the plain image (default: 10 of generator)")
    parser.add_argument("--size", type=int, default=224, help="pixels of the square given to the trunk (default: 224)")
    parser.add_argument("--precision", default="auto", help="auto (default), float32, bfloat16 or float16")
    parser.add_argument(
        "--storage",
        default="zstd",
        help="zstd (default), or fast: read several times as fast, two to three times the room",
    )
    parser.add_argument("--engine", default="local", choices=["local"], help="where the work runs")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--workers", type=int, help="processes that read images (default: one a core)")
    parser.add_argument("--estimate", action="store_true", help="tell what it would take, and compute nothing")


def run(arguments: argparse.Namespace) -> int:
    """Extract, and print what was computed and reused."""
    from mammo.features.extraction.extract import extract

    if arguments.workers is not None and arguments.workers < 1:
        raise MammoError(f"--workers must be at least 1, not {arguments.workers}.")
    started = time.monotonic()
    home = home_of(arguments)
    specs, weights_file = specs_of(arguments)
    if arguments.estimate:
        return _tell_estimate(home, specs, arguments)
    made = with_bar(extract(home, specs, weights_file, arguments.device, arguments.workers, arguments.storage))
    content = report(made, time.monotonic() - started)
    columns = ["cache", "images", "versions", "computed", "reused"]
    text = table([[one[column] for column in columns] for one in content["caches"]], columns)
    read = "".join(f"Weights: {sentence}.\n" for sentence in content["weights_read"])
    speed = f"{content['images_per_second']:.1f} images/s in {content['seconds']:.1f} s"
    if not sum(one["computed"] for one in content["caches"]):
        speed = f"All of it was there already ({content['seconds']:.1f} s)."
    show(arguments, content, f"{text}\n{read}{speed}")
    return 0


def _tell_estimate(home: Home, specs: list[CacheSpec], arguments: argparse.Namespace) -> int:
    from mammo.estimates.estimate import extraction_estimate

    estimate = measured_estimate(home, lambda: extraction_estimate(home, specs, arguments.storage))
    caches = "1 cache" if len(specs) == 1 else f"{len(specs)} caches"
    show(arguments, {"caches": len(specs), **estimate.to_json()}, f"{caches}: {estimate.sentence}")
    return 0


def numbers(text: str) -> tuple[float, ...]:
    """The numbers of a list with commas; raises ValueError, which argparse turns into a sentence."""
    return tuple(float(part) for part in text.split(","))


def specs_of(arguments: argparse.Namespace) -> tuple[list[CacheSpec], Path | None]:
    """The cache specs that the options describe, and the weights file if one is named."""
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


def report(made: list[Any], seconds: float) -> dict[str, Any]:
    """What an extraction did, as plain JSON values; the top level speaks of the first cache and of sums."""
    caches = [
        {
            "cache": one.cache.name,
            "images": one.cache.shape[0],
            "versions": one.cache.versions,
            "computed": one.computed,
            "reused": one.reused,
            "storage": one.cache.storage,
            "digest": one.cache.manifest["digest"],
            "weights_read": list(one.weights_read),
        }
        for one in made
    ]
    computed = sum(one["computed"] for one in caches)
    return {
        **caches[0],
        "computed": computed,
        "reused": sum(one["reused"] for one in caches),
        "seconds": round(seconds, 3),
        "images_per_second": round(computed / seconds, 3),
        "caches": caches,
    }
