"""`mammo leaderboard`: all runs as a table, ordered by validation AUC."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from mammo.commands.shared import (
    WIDTH,
    Commands,
    add_command,
    add_criterion,
    criterion_of,
    home_of,
    say,
    show,
    table,
    words,
    wrap,
)
from mammo.errors import MammoError


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo leaderboard --top 10"
    purpose = "list runs by validation AUC, with test figures, intervals and tie groups"
    parser = add_command(commands, "leaderboard", purpose, example, run)
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help="the sweeps to list (default: all)")
    add_reading(parser)
    add_criterion(parser, "half", "each run's")
    meaning = "one row for each setting: mean and standard deviation over random starts and draws of the split"
    parser.add_argument("--group", action="store_true", help=meaning)
    meaning = "instead of runs, the part of each winner's validation AUC that is due to the choice among many heads"
    parser.add_argument("--optimism", action="store_true", help=meaning)
    parser.add_argument("--wide", action="store_true", help="all columns, for a terminal wider than 80 characters")
    parser.add_argument("--top", type=int, default=30, help="rows to print as text (default: 30); JSON holds all")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options of levels, fusion and ensembles."""
    parser.add_argument("--level", default="image", help="what is scored: image (default), breast or patient")
    ways = "how the scores of a breast's or patient's images are fused: mean (default), mean-logit, max or noisy-or"
    parser.add_argument("--fuse", default="mean", help=f"{ways}; a list gives each run a row for each")
    meaning = "list an ensemble of runs too, as SWEEP.3+7; may be repeated (SWEEP.3+7@mean-logit: mean of logits)"
    parser.add_argument("--ensemble", action="append", default=[], metavar="RUN+RUN", help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Print the leaderboard, its settings, or the selection bias of its winners."""
    from mammo.results.board.grouped import by_setting
    from mammo.results.board.leaderboard import bias_rows, read_board, to_json
    from mammo.statistics.few import FEWEST

    if arguments.top < 0:
        raise MammoError(f"--top is a number of rows, 0 for none, not {arguments.top}.")
    reading = {"level": arguments.level, "fuse": words(arguments.fuse), "ensembles": arguments.ensemble}
    reading["criterion"] = criterion_of(arguments)
    home = home_of(arguments)
    board = read_board(home, arguments.sweeps or None, **reading)
    for sentence in board.left_out:
        say(sentence)
    if board.runs.empty:
        say(f"There are no runs in {home.path} yet; train some with `mammo sweep`, or run `mammo demo`.")
    top, biases = arguments.top, bias_rows(board)
    if arguments.optimism:
        none = f"No two runs were validated on {FEWEST} patients of each class, so nothing can be said of luck."
        if not biases and arguments.json:
            say(none)
        show(arguments, biases, "\n\n".join(wrap(luck_words(bias)) for bias in biases) or wrap(none))
    elif arguments.group:
        rows = to_json(by_setting(board.runs))
        text = settings_text(rows[:top], arguments.target, arguments.wide)
        show(arguments, rows, text + _cut_note(rows, top) if rows else "")
    else:
        rows = to_json(board.runs)
        text = text_of(rows[:top], biases, arguments.target, arguments.wide)
        show(arguments, rows, text + _cut_note(rows, top) if rows else "")
    return 0


def _cut_note(rows: list[dict[str, Any]], top: int) -> str:
    """A line on how many rows are not printed, empty where all are."""
    return f"\nThe first {top} of {len(rows)} rows; --top {len(rows)} prints all." if top < len(rows) else ""


def text_of(
    rows: list[dict[str, Any]],
    biases: Sequence[dict[str, Any]] = (),
    target: float | None = None,
    wide: bool = False,
) -> str:
    """The rows as a table, with notes, warnings and the winner's selection bias below it.

    `target` is the share that the rule of the thresholds aims at, where it has one. A `wide` table has all columns;
    else it has the figures, and below each row the settings in which rows differ.
    """
    header = ["run", "trunk", "images", "preprocess", "resize", "pool", "hidden", "optimizer", "lr", "labels", "split"]
    header += ["n", "validation AUC", "95 %", "n", "test AUC", "95 %", "accuracy", "95 %", "tie", "leaked"]
    unit = _unit(rows)
    lines = [
        table([_cells(row) for row in rows], header, None) if wide else _narrow(rows, NARROW, _narrow_cells),
        f"Ordered by validation AUC. n: validation and test {unit}. {_columns_note(wide)}",
        f"Runs of one tie group cannot be told apart on the validation {unit}. split: protocol seed.redraw",
        *_notes(rows, target, wide),
    ]
    further = f"\n{len(biases) - 1} more sets of validation {unit} have winners of their own: --optimism" * (
        len(biases) > 1
    )
    text = "\n".join([*lines[1:], *([f"\n{luck_words(biases[0])}{further}"] if biases and rows else [])])
    return f"{lines[0]}\n{text if wide else wrap(text)}"


def _columns_note(wide: bool) -> str:
    """What the columns of runs hold that say no more of it than their names."""
    if wide:
        return "95 %: the interval, by patient. accuracy: on test."
    return "In brackets: the 95 % interval, by patient."


NARROW = ["run", "validation AUC", "test AUC", "tie", "leaked"]
NARROW_SETTINGS = ["runs", "validation AUC", "test AUC", "cross-validated", "leaked"]


def _narrow_cells(row: dict[str, Any]) -> list[Any]:
    """The cells of a run: its name and figures, without its settings."""
    figures = [_short(row[f"{part}_auc"], row[f"{part}_auc_interval"]) for part in ("validation", "test")]
    return [row["run"], *figures, row["tie_group"], _leaked(row["leaked"], row["n_test"])]


def _narrow_setting_cells(row: dict[str, Any]) -> list[Any]:
    """The cells of a setting: its figures alone."""
    figures = [_between(row[f"{part}_auc_mean"], row[f"{part}_auc_sd"]) for part in ("validation", "test")]
    crossed = _short(row["cv_auc"], row["cv_auc_interval"])
    return [row["count"], *figures, crossed, _leaked(row["leaked"], row["n_test"][1])]


def _short(value: float | None, bounds: Sequence[float | None]) -> str:
    """A figure with its interval in the shortest form."""
    from mammo.results.interval_words import interval_words

    interval = interval_words(bounds, ".2f", "–")
    return _number(value) if interval == "-" else f"{_number(value)} ({interval})"


def _narrow(rows: list[dict[str, Any]], header: list[str], few: Callable[[dict[str, Any]], list[Any]]) -> str:
    """Figures as a table of 80 columns, with the differing settings under each row, and the shared ones at the end."""
    all_settings = [dict(zip(SETTINGS, [row["dataset"], *_settings(row), _split(row)], strict=True)) for row in rows]
    differ = [name for name in SETTINGS if len({str(settings[name]) for settings in all_settings}) > 1]
    cells = [few(row) for row in rows]
    names = [""] * len(rows)
    first, rule, *lines = table(cells, header, None).split("\n")
    if max(map(len, [rule, *lines])) > WIDTH:  # long names of runs get lines of their own
        names = [f"{row[0]}\n" for row in cells]
        first, rule, *lines = table([row[1:] for row in cells], header[1:], None).split("\n")
    printed = [first, rule]
    for row, name, line, settings in zip(rows, names, lines, all_settings, strict=True):
        printed += [f"{name}{line}", _settings_line(row, {name: settings[name] for name in differ})]
    shared = [f"{name} {value}" for name, value in (all_settings[0] if rows else {}).items() if name not in differ]
    return "\n".join([*printed, wrap(f"The same in all rows: {', '.join(shared)}. All columns: --wide.")])


def _settings_line(row: dict[str, Any], settings: dict[str, Any]) -> str:
    """The settings of a row and its numbers of images, as indented lines."""
    pairs = (row[f"n_{part}"] for part in ("validation", "test"))
    counts = [pair if isinstance(pair, int) else " to ".join(map(str, dict.fromkeys(pair))) for pair in pairs]
    words = [f"{name} {value}" if name in NUMBERED else str(value) for name, value in settings.items()]
    text = f"{' · '.join(words)}{'; ' * bool(words)}n = {', '.join(map(str, counts))}"
    return textwrap.indent(textwrap.fill(text, WIDTH - 4, break_long_words=False), "    ")


SETTINGS = ["data set", "trunk", "images", "preprocess", "resize", "pool"]
SETTINGS += ["hidden", "optimizer", "lr", "labels", "split"]
"""The names of a row's settings, in the order of `_settings`, with data set and split."""
NUMBERED = ("hidden", "lr", "split")
"""The settings that are printed with their name."""


def _split(row: dict[str, Any]) -> str:
    """The protocol, and the seed and draw where the row is a run."""
    if "count" in row:
        return str(row["protocol"])
    seed, redraw = ("several" if row[name] is None else row[name] for name in ("split_seed", "redraw"))
    return f"{row['protocol']} {seed}.{redraw}"


def settings_text(rows: list[dict[str, Any]], target: float | None = None, wide: bool = False) -> str:
    """Settings as a table, with notes and warnings below it."""
    from mammo.results.board.grouped import strength_words

    header = ["trunk", "images", "preprocess", "resize", "pool", "hidden", "optimizer", "lr", "labels", "protocol"]
    header += ["runs", "starts", "splits", "n", "validation AUC", "of one run", "n", "test AUC", "of one run"]
    header += ["cross-validated AUC", "95 %", "accuracy", "leaked"]
    cells = [_setting_cells(row) for row in rows]
    if any(strengths := [strength_words(row["strength_median"], row["strength_range"]) for row in rows]):
        header.append("C of probes")
        cells = [[*row, chosen or "-"] for row, chosen in zip(cells, strengths, strict=True)]
    if len({row["dataset"] for row in rows}) > 1:  # settings of two data sets may be equal otherwise
        header.insert(0, "data set")
        cells = [[row["dataset"], *shown] for row, shown in zip(rows, cells, strict=True)]
    lines = [
        table(cells, header, None) if wide else _narrow(rows, NARROW_SETTINGS, _narrow_setting_cells),
        "Ordered by mean validation AUC. ± beside a mean: standard deviation over the runs of a setting.",
        *["of one run: the 95 % interval of a single run, each of its bounds the mean over the runs."] * wide,
        f"n: validation and test {_unit(rows)} of a run.",
        *_cross_validation(rows),
    ]
    text = "\n".join([*lines[1:], *_notes(rows, target, wide)])
    return f"{lines[0]}\n{text if wide else wrap(text)}"


def _cross_validation(rows: list[dict[str, Any]]) -> list[str]:
    """What the cross-validated AUCs are, and why some settings with folds have none."""
    if not any(row["protocol"] == "five-fold" for row in rows):
        return []
    meaning = "cross-validated AUC: the mean of the five folds' test AUCs, with its 95 % interval by patient."
    lacking = {row["cv_reason"] for row in rows if row["protocol"] == "five-fold" and row["cv_reason"]}
    return [meaning, *(f"Where it has none: {reason}." for reason in sorted(lacking))]


def luck_words(bias: dict[str, Any]) -> str:
    """The selection bias of a winner, in words."""
    unit = _unit([bias])
    worth = f"worth {bias['independent_heads']:.1f} independent ones"
    lines = [
        f"Luck: {bias['winner']} is the best of {bias['heads']} heads ({worth}), with a validation AUC of "
        f"{_with_interval(bias, 'validation')} on {bias['n_validation']} {unit}, "
        f"{bias['margin']:.3f} above their mean.",
        f"Were all equally good, the best would lie {bias['expected_margin']:.3f} above it on average, and at most "
        f"{bias['margin_limit']:.3f} in 95 % of cases: chance explains {100 * bias['explained']:.0f} % of the margin "
        f"(p = {bias['p']:.3f}).",
    ]
    if tied := bias["tie_group"]:
        lines.append(
            f"Of the {tied['heads']} heads in its tie group the best would lie {tied['expected_margin']:.3f} above "
            f"their mean; it lies {tied['margin']:.3f} above it."
        )
    leak = f" Test {unit} leak into train." if bias["leaked"] else ""
    return "\n".join([*lines, f"Its test AUC is {_with_interval(bias, 'test')} on {bias['n_test']} {unit}.{leak}"])


def _unit(rows: list[dict[str, Any]]) -> str:
    """The word for the unit of the rows' scores, in the plural: images, breasts or patients."""
    from mammo.runs.fusion import LEVELS

    return LEVELS[rows[0]["level"] if rows else "image"].unit


def _accuracy_note(rows: list[dict[str, Any]], target: float | None) -> str:
    """The sentence on the threshold of accuracies."""
    from mammo.statistics.operating import HALF, TARGET, Criterion

    rule = rows[0]["rule"]
    if rule == HALF:
        return "Accuracy calls positive what lies above probability 0.5; --rule chooses each run's own threshold."
    words = Criterion(rule, TARGET if target is None else target).words
    return f"Accuracy is that at each run's own threshold, chosen on validation by the rule {words!r}."


def _notes(rows: list[dict[str, Any]], target: float | None, wide: bool) -> list[str]:
    """The notes and warnings on runs or settings; accuracy stands in `wide` tables alone."""
    lines = [_accuracy_note(rows, target)] if rows and wide else []
    if (unit := _unit(rows)) != "images":
        lines.append(f"n counts {unit}; one is positive where any of its images is. Scores fused from stored ones.")
    if any(row["synthetic"] for row in rows):
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    if notes := sorted({f"{row['trunk']}: {row['weights_note']}" for row in rows}):
        lines.append("Weights: " + "; ".join(notes) + ".")
    for part in ("validation", "test"):
        reasons = {row[f"{part}_interval_reason"] for row in rows} - {None}
        lines += [f"On {part}: {reason}." for reason in sorted(reasons)]
    if any(row["leaked"] for row in rows):
        lines.append(
            f"leaked: test {_unit(rows)} whose patient, or what may be a near-duplicate, also stands in train; "
            "such a run's test figures come out too high."
        )
    return lines + sorted({f"{row['dataset']}: {note}" for row in rows for note in row.get("notes", [])})


def _cells(row: dict[str, Any]) -> list[Any]:
    from mammo.results.interval_words import interval_words

    return [
        row["run"],
        *_settings(row),
        _split(row),
        row["n_validation"],
        _number(row["validation_auc"]),
        interval_words(row["validation_auc_interval"]),
        row["n_test"],
        _number(row["test_auc"]),
        interval_words(row["test_auc_interval"]),
        _number(row["test_accuracy"]),
        interval_words(row["test_accuracy_interval"]),
        row["tie_group"],
        _leaked(row["leaked"], row["n_test"]),
    ]


def _setting_cells(row: dict[str, Any]) -> list[Any]:
    from mammo.results.interval_words import interval_words

    cells = [*_settings(row), row["protocol"], row["count"], row["starts"], row["splits"]]
    for part in ("validation", "test"):
        fewest, most = row[f"n_{part}"]
        figure = f"{part}_auc"
        cells.append(fewest if fewest == most else f"{fewest} to {most}")
        cells.append(_between(row[f"{figure}_mean"], row[f"{figure}_sd"]))
        cells.append(interval_words(row[f"{figure}_interval"]))
    cells += [_number(row["cv_auc"]), interval_words(row["cv_auc_interval"])]
    accuracy = _between(row["test_accuracy_mean"], row["test_accuracy_sd"])
    return [*cells, accuracy, _leaked(row["leaked"], row["n_test"][1])]


def _settings(row: dict[str, Any]) -> list[Any]:
    from mammo.results.setting_words import label_of

    names = ("trunk", "kind", "preprocess", "resize", "pool", "hidden", "optimizer")
    settings = ["-" if row[name] is None else label_of(name, row[name]) for name in names]
    return [*settings, f"{row['lr']:g}" if row["lr"] else "-", row["labels"]]


def _with_interval(bias: dict[str, Any], part: str) -> str:
    from mammo.results.interval_words import value_words

    reason = bias[f"{part}_interval_reason"] or ""
    return value_words(bias[f"{part}_auc"], bias[f"{part}_auc_interval"], joined=" to ", reason=reason)


def _leaked(leaked: int | None, images: int) -> str:
    return f"{leaked} of {images}" if leaked else "-" if leaked is None else "0"


def _between(mean: float | None, deviation: float | None) -> str:
    return _number(mean) if deviation is None else f"{_number(mean)} ± {_number(deviation)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
