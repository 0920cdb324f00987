"""`mammo leaderboard`: runs side by side."""

from __future__ import annotations

import argparse
from typing import Any

from mammo.commands.shared import Commands, add_command, home_of, say, show, table, words


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo leaderboard --top 10"
    purpose = "list runs by validation AUC, with test figures, intervals and tie groups"
    parser = add_command(commands, "leaderboard", purpose, example, run)
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help="the sweeps to list (default: all)")
    add_reading(parser)
    parser.add_argument("--top", type=int, default=30, help="rows to print as text (default: 30); JSON holds all")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what one score is of."""
    parser.add_argument("--level", default="image", help="what is scored: image (default), breast or patient")
    ways = "how the scores of a breast's or patient's images become one: mean (default), mean-logit, max or noisy-or"
    parser.add_argument("--fuse", default="mean", help=f"{ways}; a list gives each run a row for each")
    meaning = "list several runs as one too, as SWEEP.3+7; may be given again (SWEEP.3+7@mean-logit: mean of logits)"
    parser.add_argument("--ensemble", action="append", default=[], metavar="RUN+RUN", help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Print the leaderboard."""
    from mammo.results.leaderboard import leaderboard, to_json

    reading = {"level": arguments.level, "fuse": words(arguments.fuse), "ensembles": arguments.ensemble}
    rows = to_json(leaderboard(home_of(arguments), arguments.sweeps or None, **reading))
    if not rows:
        say("There are no runs yet; train some with `mammo sweep`, or run `mammo demo`.")
    show(arguments, rows, text_of(rows[: max(arguments.top, 0)]) if rows else "")
    return 0


def text_of(rows: list[dict[str, Any]]) -> str:
    """The rows as a table, and below it what must be known about them."""
    from mammo.results.fusion import LEVELS

    header = ["run", "trunk", "images", "preprocess", "resize", "pool", "hidden", "optimizer", "lr", "labels", "split"]
    header += ["n", "validation AUC", "test AUC", "95 % interval", "accuracy", "tie", "leaked"]
    lines = [table([_cells(row) for row in rows], header)]
    unit = LEVELS[rows[0]["level"] if rows else "image"].unit
    lines.append(
        f"Ordered by validation AUC; n, test AUC, its 95 % interval and accuracy are those of the test {unit}."
    )
    lines.append(f"Runs of one tie group cannot be told apart on the validation {unit}. split: protocol seed.redraw")
    if unit != "images":
        lines.append(f"n counts {unit}; one is malignant where any of its images is. Scores fused from stored ones.")
    if any(row["synthetic"] for row in rows):
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    if notes := sorted({f"{row['trunk']}: {row['weights_note']}" for row in rows}):
        lines.append("Weights: " + "; ".join(notes) + ".")
    if any(row["leaked"] for row in rows):
        lines.append(
            "leaked: test images whose patient, or a near-duplicate, also stands in train; "
            "such a run's test figures come out too high."
        )
    lines += sorted({f"{row['dataset']}: {note}" for row in rows for note in row["notes"]})
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> list[Any]:
    low, high = row["test_auc_interval"]
    names = ("run", "trunk", "kind", "preprocess", "resize", "pool", "hidden", "optimizer")
    settings = ["-" if row[name] is None else row[name] for name in names]
    figures = [_number(row["validation_auc"]), _number(row["test_auc"]), f"{_number(low)} to {_number(high)}"]
    known = "-" if row["leaked"] is None else "0"
    leaked = f"{row['leaked']} of {row['n_test']}" if row["leaked"] else known
    split = f"{row['protocol']} {row['split_seed']}.{row['redraw']}"
    return [
        *settings,
        f"{row['lr']:g}" if row["lr"] else "-",
        row["labels"],
        split,
        row["n_test"],
        *figures,
        _number(row["test_accuracy"]),
        row["tie_group"],
        leaked,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
