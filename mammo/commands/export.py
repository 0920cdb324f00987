"""`mammo export`: results for other people, as a demo or in the formats of other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

from mammo.commands.shared import Commands, add_command, home_of, say, say_damaged, show, with_bar, words

FORMS = "demo (default), csv, parquet, cards, mlflow, tensorboard"


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo export SWEEP --to shared\n  mammo serve --home shared"
    purpose = "write results for other people: a demo, tables, model cards, MLflow, TensorBoard"
    parser = add_command(commands, "export", purpose, example, run)
    parser.add_argument("names", nargs="*", metavar="SWEEP", help="sweeps, or single runs as listed (default: all)")
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder to write into; several forms get a subfolder each",
    )
    parser.add_argument("--as", dest="forms", default="demo", metavar="FORMS", help=f"{FORMS}; a list")
    parser.add_argument(
        "--previews",
        action="store_true",
        help="put small pictures of the images into the demo, where their licence allows it",
    )
    parser.add_argument("--keep-names", action="store_true", help="keep the names of patients and images in the demo")


def run(arguments: argparse.Namespace) -> int:
    """Export, and print the folder of each form."""
    from mammo.results.exports.export import export
    from mammo.results.exports.shared_home.home import ShareOptions

    home = home_of(arguments)
    options = ShareOptions(previews=arguments.previews, names=arguments.keep_names)
    work = export(home, arguments.names, words(arguments.forms), arguments.to, options, say)
    folders = {form: str(folder) for form, folder in with_bar(work).items()}
    say_damaged(home)
    lines = [f"{form}: {folder}" for form, folder in folders.items()]
    if "demo" in folders:
        lines.append(f"Look at it with: mammo serve --home {folders['demo']}")
    show(arguments, {"exports": folders}, "\n".join(lines))
    return 0
