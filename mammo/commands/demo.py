"""`mammo demo`: all stages on synthetic mammograms, in one command."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from mammo.commands.index import INCOMPLETE, set_aside
from mammo.commands.leaderboard import text_of
from mammo.commands.serve import Serving, add_address, serve
from mammo.commands.shared import Commands, add_command, home_of, say, show, with_bar, words
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec

NAME = "phantom-demo"
TRUNKS = "vgg16-mini,resnet50-mini"
AXES = {
    "pool": ["flatten", "gap"],
    "optimizer": ["adam", "nadam"],
    "lr": [1e-3, 1e-4, 1e-5],
    "epochs": [50],
}


@dataclass(frozen=True)
class Size:
    """The number of mammograms of a demo, and their seed."""

    images: int = 800
    seed: int = 0


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "synthetic mammograms, features, a sweep and the dashboard in one command"
    parser = add_command(commands, "demo", purpose, "mammo demo --no-serve", run)
    parser.add_argument("--images", type=int, default=Size.images, help=f"mammograms (default: {Size.images})")
    parser.add_argument("--seed", type=int, default=Size.seed, help="seed of the mammograms (default: 0)")
    parser.add_argument("--trunk", default=TRUNKS, help=f"trunks, a list (default: {TRUNKS})")
    parser.add_argument("--no-serve", action="store_true", help="end after the leaderboard")
    add_address(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run all stages, print the leaderboard, and serve the dashboard unless `--no-serve` is set."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.results.board.leaderboard import bias_rows, read_board, to_json

    home, serving = home_of(arguments), Serving.of(arguments)
    if not arguments.no_serve:
        serving.check_free()
    name = sweep_demo(home, words(arguments.trunk), Size(arguments.images, arguments.seed))
    board = read_board(home, [name])
    rows = to_json(board.runs)
    show(arguments, rows, text_of(rows, bias_rows(board)))
    dataset = Dataset.open(home, NAME)
    if not (complete := dataset.quarantine.empty):
        say(set_aside(dataset))
    if not arguments.no_serve:
        return serve(home, serving)
    say(f"To look at all this in a browser: make serve, or mammo serve --home {home.path}")
    return 0 if complete else INCOMPLETE


def sweep_demo(home: Home, trunks: list[str], size: Size) -> str:
    """Index the phantom, extract its features and train the demo's sweep; finished stages are reused."""
    from mammo.data.index.cbis_ddsm import index_phantom
    from mammo.features.extraction.extract import extract
    from mammo.heads.grid import expand
    from mammo.heads.sweeps.sweep import sweep

    say("Synthetic mammograms: what follows says nothing about real ones.")
    with_bar(index_phantom(home, NAME, size.images, size.seed))
    extractions = with_bar(extract(home, [_spec(trunk) for trunk in trunks]))
    spec = SweepSpec(NAME, tuple(extraction.cache.name for extraction in extractions), expand(AXES), (SplitSpec(),))
    return with_bar(sweep(home, spec))


def _spec(trunk: str) -> CacheSpec:
    from mammo.features.precision import fast_precision
    from mammo.features.trunks.table import find_trunk

    return CacheSpec(NAME, trunk, find_trunk(trunk).default_weights, precision=fast_precision())
