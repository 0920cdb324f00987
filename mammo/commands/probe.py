"""`mammo probe`: the linear head of every cache, solved to its optimum instead of trained."""

from __future__ import annotations

import argparse
import time
from typing import Any

from mammo.commands.shared import Commands, add_command, home_of, say_damaged, show, table, with_bar, words
from mammo.commands.sweep import add_inputs, with_inputs
from mammo.specs import PROBE, STRENGTHS


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "solve the converged linear probe of every cache: the yardstick of trained linear heads"
    parser = add_command(commands, "probe", purpose, "mammo probe phantom --pool flatten,gap --redraws 5", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument("--pool", default="flatten,gap", help="flatten, gap (default: both); a list")
    add_inputs(parser)


def run(arguments: argparse.Namespace) -> int:
    """Solve the probes as a sweep, and print each with its path."""
    from mammo.heads.grid import Grid, expand
    from mammo.heads.sweeps.sweep import sweep
    from mammo.results.probes import probe_rows
    from mammo.runs.sweep import Sweep

    started = time.monotonic()
    home = home_of(arguments)
    heads = expand({"pool": words(arguments.pool), "optimizer": PROBE})
    name = with_bar(sweep(home, with_inputs(home, arguments, heads, Grid({})), arguments.device, arguments.weights))
    rows = probe_rows(home, Sweep.open(home, name))
    say_damaged(home)
    seconds = round(time.monotonic() - started, 3)
    content = {"sweep": name, "seconds": seconds, "strengths": list(STRENGTHS), "probes": rows}
    show(arguments, content, f"{text_of(rows)}\n{name}: {len(rows)} probes in {seconds:.1f} s")
    return 0


def text_of(rows: list[dict[str, Any]]) -> str:
    """The probes as a table, with notes and warnings below it."""
    header = ["run", "cache", "pool", "split", "labels", "n", "C", "train loss", "validation AUC"]
    header += ["test AUC", "95 % interval", "leaked"]
    lines = [table([_cells(row) for row in rows], header)]
    lines.append("C is that of the best validation AUC, of least validation loss where several are best; n, test AUC")
    lines.append("and its 95 % interval are those of the test images. Validation AUC by C:")
    steps = [[row["run"], *(_number(step["validation_auc"]) for step in row["path"])] for row in rows]
    lines.append(table(steps, ["run", *(f"{strength:.2g}" for strength in STRENGTHS)]))
    if trained := [_comparison_cells(row) for row in rows if row["trained"]]:
        header = ["probe", "best trained linear head", "validation AUC", "test AUC", "above the probe", "p"]
        lines += ["The linear head of best validation AUC that was trained on the same, held against the probe:"]
        lines += [table(trained, header)]
    if any(row["synthetic"] for row in rows):
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    if any(row["leaked"] for row in rows):
        lines.append("leaked: test images that training has seen; such a probe's test figures come out too high.")
    return "\n".join(lines)


def _comparison_cells(row: dict[str, Any]) -> list[Any]:
    from mammo.results.interval_words import value_words

    trained = row["trained"]
    figures = [row["run"], trained["run"], _number(trained["validation_auc"]), _number(trained["test_auc"])]
    if trained["difference"] is None:
        return [*figures, trained["reason"] or "-", "-"]
    bounds = trained["difference_interval"] or (None, None)
    above = value_words(trained["difference"], bounds, "+.3f", " to ", trained["reason"] or "")
    return [*figures, above, "-" if trained["p_value"] is None else f"{trained['p_value']:.2f}"]


def _cells(row: dict[str, Any]) -> list[Any]:
    from mammo.results.interval_words import interval_words
    from mammo.results.setting_words import label_of

    chosen = next(step for step in row["path"] if step["C"] == row["C"])
    return [
        *(row[name] for name in ("run", "cache")),
        label_of("pool", row["pool"]),
        f"{row['protocol']} {row['split_seed']}.{row['redraw']}",
        row["labels"],
        row["n_test"],
        f"{row['C']:.3g}",
        _number(chosen["train_loss"]),
        _number(row["validation_auc"]),
        _number(row["test_auc"]),
        interval_words(row["test_auc_interval"], reason=row["test_interval_reason"]),
        row["leaked"],
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
