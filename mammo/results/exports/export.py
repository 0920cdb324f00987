"""The verb `export`: results in forms that people and their tools read, without mammo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mammo.data.dataset.licence import refuse_leaving
from mammo.errors import MammoError
from mammo.progress import Progress, Work
from mammo.results.exports.chosen import Chosen, choose
from mammo.results.exports.files import FORMATS, file_name, write_tables
from mammo.results.exports.shared_home.home import Options, write_demo
from mammo.results.exports.terms import datasets_of
from mammo.results.exports.trackers import write_mlflow, write_tensorboard
from mammo.specs import SHARED, pick
from mammo.storage.atomic_files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mammo.specs import Home

BEST = 10
"""Model cards that are written of the best runs of sweeps, beside those of runs that are named."""


@dataclass(frozen=True)
class Export:
    """One form: `write(chosen, place, options)` is the work of writing it into a folder of its own."""

    label: str
    description: str
    write: Callable[[Chosen, Path, Options], Work[None]]
    leaves: Callable[[Options], tuple[str, ...]] = lambda _options: ("scores",)
    """What of a data set leaves with it, names of `THINGS`: what its licence must allow."""
    remark: Callable[[Chosen], str] = lambda _chosen: ""
    """What is said of what it leaves out, if anything."""


def _tables(ending: str) -> Callable[[Chosen, Path, Options], Work[None]]:
    return lambda chosen, place, _: write_tables(chosen, place, ending)


def _cards(chosen: Chosen, place: Path, _options: Options) -> Work[None]:
    runs = chosen.best(BEST)
    for done, run in enumerate(runs, start=1):
        write_text(place / f"{file_name(run.id)}.md", chosen.card(run))
        yield Progress("cards", done, len(runs), "cards")


def _left_out(chosen: Chosen) -> str:
    total, named = len(chosen.board), len(chosen.named)
    if total - named <= BEST:
        return ""
    return (
        f"Cards are of the {BEST} best of {total - named:,} runs by validation AUC; name runs as `mammo leaderboard` "
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
    place: Path,
    options: Options | None = None,
    say: Callable[[str], None] = lambda _sentence: None,
) -> Work[dict[str, Path]]:
    """Write sweeps and runs, all where none is named, in some forms; returns the folder of each.

    One form goes into `place` itself, several into folders of their names in it; `say` is told what a form leaves out.
    Raises MammoError where a sweep, run or form is not there, where the licence of a data set does not allow one, or a
    package that it needs is not installed.
    """
    if not forms:
        raise MammoError(f"Name a form to export; choose one of: {', '.join(EXPORTS)}.")
    wanted = {form: pick(EXPORTS, form, "form of export") for form in forms}
    if any(folder == home.path or (folder / SHARED).is_file() for folder in place.absolute().parents):
        raise MammoError(f"{place} lies inside a home, which holds nothing but its own; name a folder elsewhere.")
    chosen, options = choose(home, names), options or Options()
    datasets = list(datasets_of(home, chosen.sweeps).values())
    for one in wanted.values():
        refuse_leaving(datasets, one.leaves(options))
    places = {form: place / form if len(wanted) > 1 else place for form in wanted}
    for form, one in wanted.items():
        yield from one.write(chosen, places[form], options)
        if remark := one.remark(chosen):
            say(remark)
    return places
