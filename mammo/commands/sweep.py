"""`mammo sweep`: train a grid of heads on caches and splits."""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import (
    POLICIES,
    PROTOCOLS,
    Commands,
    add_command,
    home_of,
    measured_estimate,
    say,
    show,
    with_bar,
    words,
)
from mammo.errors import MammoError, brief
from mammo.heads.choices import CHOICES
from mammo.heads.finetune import suited
from mammo.specs import Axis, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.specs.head_spec import HEAD_AXES

if TYPE_CHECKING:
    from mammo.heads.grid import Grid

MANY = 10_000
"""A sweep of more runs prints its expected cost before it starts."""


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo sweep phantom --pool flatten,gap --optimizer adam,nadam --lr 1e-3,1e-4,1e-5 --epochs 50"
    parser = add_command(commands, "sweep", "train a grid of heads on extracted features", example, run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument("--grid", type=Path, metavar="FILE.toml", help="a grid of heads as a file")
    for name, axis in HEAD_AXES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=_help(name, axis))
    add_inputs(parser)
    memory = (
        "gigabytes of memory for features (default: half of the free memory); larger features are read piece by piece"
    )
    parser.add_argument("--memory", type=float, metavar="GB", help=memory)
    finished = "train nothing: write a sweep of the heads that the same command had finished when it was stopped"
    parser.add_argument("--keep-finished", action="store_true", help=finished)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the options of caches, splits and device that heads are trained on."""
    parser.add_argument("--cache", help="names of caches (default: all of the image kind); a list")
    parser.add_argument("--kind", default="full", help="features of full mammograms (default) or of lesions: crop")
    parser.add_argument("--trunk", help="take only the caches of these trunks (default: all); a list")
    taps = "last-layer where a head is fine-tuned, else features where there are some"
    parser.add_argument("--tap", help=f"take only the caches of these taps (default: {taps}); a list")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the weights of last layers that came from a file")
    parser.add_argument("--protocol", help=f"how images are split: {PROTOCOLS}; a list")
    parser.add_argument("--labels", help=f"{POLICIES}; a list")
    parser.add_argument("--split-seed", type=int, help="fixes the test set (default: 0)")
    parser.add_argument("--redraws", type=int, help="draws of train and validation (default: 1)")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--estimate", action="store_true", help="show the expected cost, and train nothing")


def run(arguments: argparse.Namespace) -> int:
    """Train the sweep and print its name."""
    from mammo.heads.sweeps.sweep import keep_finished, sweep

    started = time.monotonic()
    home = home_of(arguments)
    spec = spec_of(home, arguments)
    if spec.runs > MANY and not (arguments.keep_finished or arguments.estimate):
        _print_cost(home, spec)
    if arguments.keep_finished:
        return _show_finished(arguments, home, keep_finished(home, spec))
    if arguments.estimate:
        return _show_estimate(home, spec, arguments)
    name = with_bar(sweep(home, spec, arguments.device, arguments.weights, _bytes(arguments.memory)))
    seconds = round(time.monotonic() - started, 3)
    text = f"{name}: {spec.runs} runs in {seconds:.1f} s; see them with: mammo leaderboard {name}"
    show(arguments, {"sweep": name, "runs": spec.runs, "seconds": seconds}, text)
    return 0


def _bytes(gigabytes: float | None) -> int | None:
    if gigabytes is None:
        return None
    if not 0 < gigabytes < math.inf:
        raise MammoError(f"--memory must be a number of gigabytes above 0, such as 8, not {gigabytes:g}.")
    return int(gigabytes * 1e9)


def _show_finished(arguments: argparse.Namespace, home: Home, name: str) -> int:
    """Print the finished part of a sweep that was stopped."""
    from mammo.runs.sweep import Sweep

    sweep = Sweep.open(home, name)
    notes = "; ".join(sweep.notes) or "all of its runs are there"
    text = f"{name}: {notes} See them with: mammo leaderboard {name}"
    show(arguments, {"sweep": name, "runs": len(sweep.runs), "seconds": sweep.about.get("seconds")}, text)
    return 0


def _print_cost(home: Home, spec: SweepSpec) -> None:
    """Print the expected cost of very many runs before the first one is trained."""
    from mammo.estimates.estimate import sweep_estimate

    estimate = measured_estimate(home, lambda: sweep_estimate(home, spec))
    say(f"{spec.runs:,} runs: {estimate.sentence}")


def _show_estimate(home: Home, spec: SweepSpec, arguments: argparse.Namespace) -> int:
    from mammo.estimates.estimate import sweep_estimate

    estimate = measured_estimate(home, lambda: sweep_estimate(home, spec))
    show(arguments, {"runs": spec.runs, **estimate.to_json()}, f"{spec.runs} runs: {estimate.sentence}")
    return 0


def spec_of(home: Home, arguments: argparse.Namespace) -> SweepSpec:
    """The sweep that the options and the grid file describe; an option has precedence over the file."""
    from mammo.heads.grid import Grid, count_heads, expand
    from mammo.heads.grid_file import load_grid

    grid = load_grid(arguments.grid) if arguments.grid else Grid({})
    axes = {**grid.axes, **_axes(arguments)}
    if (heads := count_heads(axes)) > MANY:
        say(f"The grid multiplies out to {heads:,} heads for each cache and split …")
    return with_inputs(home, arguments, expand(axes), grid)


def with_inputs(home: Home, arguments: argparse.Namespace, heads: tuple[HeadSpec, ...], grid: Grid) -> SweepSpec:
    """The sweep of `heads` on the caches and splits that the options of `add_inputs` and the grid file choose."""
    trunks = words(arguments.trunk) if arguments.trunk else list(grid.trunk or ())
    return SweepSpec(arguments.dataset, _caches(home, arguments, trunks, heads), heads, _splits(arguments, grid))


def _splits(arguments: argparse.Namespace, grid: Grid) -> tuple[SplitSpec, ...]:
    """Every protocol under every label policy, with all its draws."""
    from mammo.heads.grid import refuse_many

    protocols = words(arguments.protocol) if arguments.protocol else list(grid.protocol or ("patient",))
    policies = words(arguments.labels) if arguments.labels else list(grid.labels or ("merged",))
    seed = _first(arguments.split_seed, grid.split_seed, 0)
    redraws = _first(arguments.redraws, grid.redraws, 1)
    if redraws < 1:
        raise MammoError(f"--redraws must be at least 1, not {redraws}.")
    refuse_many(len(protocols) * len(policies) * redraws, what="splits")
    splits = itertools.product(protocols, policies, range(redraws))
    return tuple(SplitSpec(protocol, seed, redraw, labels=labels) for protocol, labels, redraw in splits)


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def _help(name: str, axis: Axis) -> str:
    """The help text of an axis: its meaning, its choices and its default."""
    choices = f": {', '.join(CHOICES[name].entries)}" if axis.choices else ""
    default = f"{axis.default:g}" if axis.kind is float else axis.default
    return f"{axis.help}{choices} (default: {default}); a list separated by commas"


def _axes(arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """The values of the axes that options give."""
    axes: dict[str, list[Any]] = {}
    for name, axis in HEAD_AXES.items():
        text = getattr(arguments, name)
        if text is None:
            continue
        try:
            axes[name] = [axis.read(word) for word in words(text)]
        except ValueError:
            raise MammoError(
                f"--{name.replace('_', '-')} takes numbers separated by commas, not {brief(text)}."
            ) from None
    return axes


def _caches(home: Home, arguments: argparse.Namespace, trunks: list[str], heads: Sequence[HeadSpec]) -> tuple[str, ...]:
    """The caches that the options name, or all finished ones of the image kind that suit the heads."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.features.cache.cache import Cache, caches

    Dataset.open(home, arguments.dataset)
    names = words(arguments.cache) if arguments.cache else caches(home, arguments.dataset)
    opened = [Cache.open(home, arguments.dataset, name) for name in names]
    if not arguments.cache:
        opened = [cache for cache in opened if cache.spec.kind == arguments.kind]
    if trunks:
        opened = [cache for cache in opened if cache.spec.trunk in trunks]
    if arguments.tap:
        opened = [cache for cache in opened if cache.spec.tap in words(arguments.tap)]
    elif not arguments.cache:
        opened = suited(opened, [head.finetune for head in heads])
    if not opened:
        raise _no_features(arguments, trunks, any(head.finetune != "none" for head in heads))
    return tuple(cache.name for cache in opened)


def _no_features(arguments: argparse.Namespace, trunks: list[str], tuned: bool) -> MammoError:
    taps = arguments.tap or ("last-layer" if tuned else "")
    at, option = (f" at the tap {taps}", f" --tap {taps}") if taps else ("", "")
    return MammoError(
        f"The data set {arguments.dataset!r} has no features of {', '.join(trunks) or 'any trunk'}{at} "
        f"on images of the kind {arguments.kind!r} yet; "
        f"make them with `mammo extract {arguments.dataset} --trunk …{option}`."
    )
