"""The verb `export`: write results in forms that people and other tools read without mammo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mammo.data.dataset.licence import refuse_export
from mammo.errors import MammoError
from mammo.progress import Progress, Work
from mammo.results.exports.files import FORMATS, file_name, write_tables
from mammo.results.exports.selection import Selection, select
from mammo.results.exports.shared_home.home import ShareOptions, write_demo
from mammo.results.exports.terms import datasets_of
from mammo.results.exports.trackers import write_mlflow, write_tensorboard
from mammo.specs import SHARED, pick
from mammo.storage.atomic_files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mammo.specs import Home

BEST = 10
"""How many of the best runs get a model card, beside the runs that are asked for by name."""


@dataclass(frozen=True)
class Export:
    """A form of export: `write(selection, folder, options)` writes it into a folder of its own."""

    label: str
    description: str
    write: Callable[[Selection, Path, ShareOptions], Work[None]]
    leaves: Callable[[ShareOptions], tuple[str, ...]] = lambda _options: ("scores",)
    """What of a data set leaves the home with it (names of `EXPORTABLE`): its licence must allow each."""
    remark: Callable[[Selection], str] = lambda _selection: ""
    """A sentence on what the export leaves out, empty where it leaves out nothing."""


def _tables(ending: str) -> Callable[[Selection, Path, ShareOptions], Work[None]]:
    return lambda selection, folder, _: write_tables(selection, folder, ending)


def _cards(selection: Selection, folder: Path, _options: ShareOptions) -> Work[None]:
    runs = selection.best(BEST)
    for done, run in enumerate(runs, start=1):
        write_text(folder / f"{file_name(run.id)}.md", selection.card(run))
        yield Progress("cards", done, len(runs), "cards")


def _left_out(selection: Selection) -> str:
    unnamed = len(selection.board) - len(selection.run_names)
    if unnamed <= BEST:
        return ""
    return (
        f"Cards are of the {BEST} best of {unnamed:,} runs by validation AUC; name runs as `mammo leaderboard` "
        "lists them to have theirs."
    )


EXPORTS: dict[str, Export] = {
    "demo": Export(
        "Demo",
        "A read-only home to share, which `mammo serve` shows without torch.",
        write_demo,
        lambda options: ("scores", "pictures") if options.previews else ("scores",),
    ),
    **{
        name: Export(kind.label, f"Runs and scores, long and wide, as {kind.label}.", _tables(name))
        for name, kind in FORMATS.items()
    },
    "cards": Export(
        "Model cards", f"A page of Markdown a run: those that are named, or the {BEST} best.", _cards, remark=_left_out
    ),
    "mlflow": Export("MLflow", "An MLflow store, an experiment a sweep; needs the extra mlflow.", write_mlflow),
    "tensorboard": Export(
        "TensorBoard", "Logs of TensorBoard with settings and figures; needs the extra tensorboard.", write_tensorboard
    ),
}


def export(
    home: Home,
    names: Sequence[str],
    forms: Sequence[str],
    folder: Path,
    options: ShareOptions | None = None,
    notify: Callable[[str], None] = lambda _sentence: None,
) -> Work[dict[str, Path]]:
    """Write sweeps and runs, all sweeps where `names` is empty, in some forms; return the folder of each form.

    A single form goes into `folder` itself, several go into subfolders of their names. `notify` gets a sentence on
    what a form leaves out. Raises MammoError where a sweep, run or form does not exist, where the licence of a data
    set forbids a form, or where a package that a form needs is not installed.
    """
    if not forms:
        raise MammoError(f"Name a form to export; choose one of: {', '.join(EXPORTS)}.")
    exports = {form: pick(EXPORTS, form, "form of export") for form in forms}
    if any(parent == home.path or (parent / SHARED).is_file() for parent in folder.absolute().parents):
        raise MammoError(f"{folder} lies inside a home, which holds nothing but its own; name a folder elsewhere.")
    selection, options = select(home, names), options or ShareOptions()
    datasets = list(datasets_of(home, selection.sweeps).values())
    for kind in exports.values():
        refuse_export(datasets, kind.leaves(options))
    folders = {form: folder / form if len(exports) > 1 else folder for form in exports}
    for form, kind in exports.items():
        yield from kind.write(selection, folders[form], options)
        if remark := kind.remark(selection):
            notify(remark)
    return folders
