"""The shared parts of the commands: common options, the progress bar, and the output of results."""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mammo.progress import Work
from mammo.specs import Home

if TYPE_CHECKING:
    from mammo.estimates.estimate import Estimate
    from mammo.statistics.operating import Criterion

Result = TypeVar("Result")
PROTOCOLS = "patient (default), five-fold, official, official-pooled, manifest or paper"
"""The values of `--protocol`; `data.splits.protocols` explains them."""
RULES = "youden, sensitivity, specificity, or half for probability 0.5"
"""The values of `--rule`; `statistics.operating` explains them."""
POLICIES = "what benign without callback counts as: merged (default), dropped or three-way"
"""The values of `--labels`; `data.splits.labels` explains them."""
NUMBER = re.compile(r"[-+<.\d]*(e[-+]?\d+)?|[-+\d.]+ (to|of|±) [-+\d.]+")
"""A cell that counts as a number: empty, a dash, a number, or two such as `0.722 to 0.812`."""
WIDTH = 80
"""The width in characters that printed text fits into where possible."""
Commands = Any
"""argparse's collection of subcommands, which has no public type."""


def add_command(
    commands: Commands, name: str, purpose: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Add a command with `--home`, `--json` and a help that shows an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.set_defaults(run=run)
    return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that all commands have."""
    parser.add_argument(
        "--home", metavar="DIR", help="the folder of all stored files (default: $MAMMO_HOME or ./cache)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document on stdout, and everything else on stderr"
    )


def add_colour_marks(parser: argparse.ArgumentParser) -> None:
    """Add the option for grey pictures with a coloured circle or text on them."""
    marks = "what to do with a grey picture that has coloured marks: refuse it (default), or ignore the colours"
    parser.add_argument("--colour-marks", choices=["refuse", "ignore"], default="refuse", help=marks)


def home_of(arguments: argparse.Namespace) -> Home:
    """The home that the user chose, or the default."""
    return Home(Path(arguments.home)) if arguments.home else Home.default()


def words(text: str) -> list[str]:
    """The words of a comma-separated list."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def with_bar(work: Work[Result]) -> Result:
    """Run slow work to its end and return its result; draw a bar for each stage on stderr, with rate and time left."""
    from tqdm import tqdm

    bar: Any = None
    stage = ""
    try:
        while True:
            step = next(work)
            if bar is None or step.stage != stage:
                if bar is not None:
                    bar.close()
                stage = step.stage
                bar = tqdm(total=step.total, initial=step.done, unit=f" {step.unit}", desc=stage, file=sys.stderr)
            bar.total = step.total
            bar.update(step.done - bar.n)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        if bar is not None:
            bar.close()


def measured_estimate(home: Home, estimate_now: Callable[[], Estimate]) -> Estimate:
    """The cost of work; this machine is measured first where it was not yet, or was under a greater load."""
    from mammo.estimates.measuring import complete

    estimate = estimate_now()
    if not estimate.unmeasured:
        return estimate
    say("Measuring this machine, a few seconds …")
    complete(home, estimate.unmeasured)
    return estimate_now()


def say(text: str) -> None:
    """Print a text on stderr."""
    print(text, file=sys.stderr)


def say_damaged(home: Home) -> None:
    """Print on stderr which sweeps are left out because they are damaged."""
    from mammo.runs.sweep import open_sweeps

    for damaged in open_sweeps(home)[1]:
        say(damaged.sentence)


def show(arguments: argparse.Namespace, content: Any, text: str) -> None:
    """Print the result: `content` as JSON with `--json`, with undefined numbers as null; else `text`."""
    if arguments.json:
        from mammo.storage.json_files import json_value

        text = json.dumps(json_value(content), indent=2, allow_nan=False)
    print(text)


def add_criterion(parser: argparse.ArgumentParser, default: str, whose: str) -> None:
    """Add the options of the choice of thresholds; `whose` stands before the word threshold in the help."""
    rules = f"how {whose} threshold is chosen on validation: {RULES} (default: {default})"
    parser.add_argument("--rule", default=default, help=rules)
    aim = "the sensitivity or specificity to reach on validation (default: 0.9)"
    parser.add_argument("--target", type=float, default=0.9, help=aim)


def criterion_of(arguments: argparse.Namespace) -> Criterion:
    """The criterion of thresholds; raises MammoError where there is no such rule, or the target is no share."""
    from mammo.statistics.operating import Criterion

    return Criterion(arguments.rule, arguments.target).checked()


def wrap(text: str, indent: str = "  ") -> str:
    """Break lines of text at `WIDTH` characters and indent their continuations."""
    lines = (textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False) for line in text.split("\n"))
    return "\n".join("\n".join(pieces) for pieces in lines)


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], width: int | None = WIDTH) -> str:
    """Rows as aligned columns of text; a column of numbers alone is aligned to the right.

    Columns that do not fit into `width` characters follow in a second block below, after the first column again; None
    sets no limit.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cells]) for column in range(len(header))]
    blocks = _blocks(widths, width)
    parts = [[[row[column] for column in block] for row in [list(header), *cells]] for block in blocks]
    return "\n\n".join(_aligned(block[1:], block[0]) for block in parts)


def _blocks(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """The columns of each block: as many as fit, after the first column of the table."""
    blocks = [[0]] if widths else []
    for column in range(1, len(widths)):
        total = sum(widths[before] + 2 for before in blocks[-1]) + widths[column]
        if width is not None and total > width and len(blocks[-1]) > 1:
            blocks.append([0])
        blocks[-1].append(column)
    return blocks


def _aligned(cells: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    widths = [max(len(row[column]) for row in [header, *cells]) for column in range(len(header))]
    right = [all(_numeric(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(list(header)), line(["-" * width for width in widths]), *(line(row) for row in cells)])


def _numeric(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is not None
