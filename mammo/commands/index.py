"""`mammo index`: turn mammogram files into a data set."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import (
    Commands,
    add_colour_marks,
    add_common,
    home_of,
    say,
    show,
    table,
    with_bar,
    words,
)
from mammo.errors import MammoError

if TYPE_CHECKING:
    from mammo.data.dataset.dataset import Dataset
    from mammo.data.manifest.options import ManifestOptions
    from mammo.progress import Work
    from mammo.specs import Home

COUNTS = {
    "images": "images",
    "views": "views",
    "patients": "patients",
    "image_labels": "images by label",
    "conflicts": "images with lesions of both classes",
    "lesions": "lesions",
    "labels": "lesions by label",
    "kinds": "files",
    "missing": "missing values",
}
"""The fields of `summary` that are printed, in words."""
INCOMPLETE = 3
"""The exit code where this machine could not read every file; bad files alone are listed and cause no error."""
CROPS_ALONE = "Only crops of lesions are here, no full mammogram: extract and sweep them with --kind crop."

MANIFEST_OPTIONS = {
    "--column": (
        "OURS=THEIRS",
        "our column's name and the file's, or a template of its columns such as 'images/{image_id}.png' "
        "(* and ** match files, {this|that} takes the first that is filled); once for each that differs",
    ),
    "--positive": ("LABELS", "labels that mean malignant, separated by commas; * stands for any letters"),
    "--negative": ("LABELS", "labels that mean benign (default: all known labels that --positive does not have)"),
    "--drop": ("LABELS", "labels whose rows are left out"),
    "--root": ("DIR", "the folder that paths are relative to (default: the manifest's own)"),
    "--sheet": ("NAME", "the sheet of a workbook (default: the first)"),
    "--header": ("NAMES", "the names of the columns, separated by commas, of a file that has no header"),
}
"""The options of a manifest: the flag, its value and its meaning."""
REPEATED = ("--column", "--positive", "--negative", "--drop")

LICENCE_HELP = (
    "what others may get of it: open, no-pixels or no-derivatives (default: as recorded before, else open for "
    "CBIS-DDSM and phantoms, no-pixels for manifests)"
)


PHANTOM_EXAMPLE = "mammo index phantom --images 400 --seed 7 --as phantom"
MANIFEST_EXAMPLE = (
    "mammo index manifest images.csv --column path=filename --column label=diagnosis --positive M --as mine"
)


def add(commands: Commands) -> None:
    """Add the command and its sources."""
    purpose = "index mammograms into a data set"
    described = purpose[0].upper() + purpose[1:] + "."
    examples = "\n  ".join(("examples:", PHANTOM_EXAMPLE, MANIFEST_EXAMPLE))
    parser = commands.add_parser("index", help=purpose, description=described, epilog=examples, **_RAW_HELP)
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    _add_phantom(sources)
    _add_cbis_ddsm(sources)
    _add_manifest(sources)


def _add_phantom(sources: Commands) -> None:
    purpose = "write synthetic mammograms in the layout of CBIS-DDSM and index them"
    parser = sources.add_parser("phantom", help=purpose, epilog=f"example:\n  {PHANTOM_EXAMPLE}", **_RAW_HELP)
    parser.add_argument("--images", type=int, default=400, help="full mammograms to write (default: 400)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same files (default: 0)")
    _add_common_options(parser)


def _add_cbis_ddsm(sources: Commands) -> None:
    purpose = "index a download of CBIS-DDSM"
    example = "mammo index cbis-ddsm ~/Downloads/manifest-1234 --csv ~/Downloads/csv --as cbis"
    parser = sources.add_parser("cbis-ddsm", help=purpose, epilog=f"example:\n  {example}", **_RAW_HELP)
    layouts = "NBIA's folders, study and series folders, or Kaggle's JPEG set; the layout is recognised"
    parser.add_argument("root", type=Path, metavar="ROOT", help=f"the folder of the download: {layouts}")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="the folder of the four case CSVs, if not beside them")
    alone = "index the case CSVs alone, before any image is there"
    parser.add_argument("--metadata-only", action="store_true", help=alone)
    _add_common_options(parser)


def _add_manifest(sources: Commands) -> None:
    purpose = "index any mammograms that a CSV or a workbook lists"
    template = "mammo index manifest train.csv --column path='images/{study_id}/{image_id}.dicom' --as ours"
    epilog = f"{_columns()}\n\nexamples:\n  {MANIFEST_EXAMPLE}\n  {template}"
    parser = sources.add_parser("manifest", help=purpose, epilog=epilog, **_RAW_HELP)
    parser.add_argument("file", type=Path, metavar="FILE", help="one row for each image, or for each finding")
    for flag, (metavar, meaning) in MANIFEST_OPTIONS.items():
        many = {"action": "append", "default": []} if flag in REPEATED else {}
        parser.add_argument(flag, metavar=metavar, help=meaning, **many)
    patients = "take patients from the files' headers (PatientID) where the manifest has none"
    parser.add_argument("--header-patients", action="store_true", help=patients)
    intent = "take only images whose headers do not state the opposite intent of their pixels (default: any)"
    parser.add_argument("--intent", choices=["any", "presentation", "processing"], default="any", help=intent)
    _add_common_options(parser)


def _columns() -> str:
    from mammo.data.manifest.columns.columns import COLUMNS, NEEDED

    width = max(len(name) for name in COLUMNS)
    lines = [
        f"  {name:{width}}  {column.description}{' (needed)' if name in NEEDED else ''}"
        for name, column in COLUMNS.items()
    ]
    return "columns:\n" + "\n".join(lines) + "\n  any other column is kept as a subgroup"


def _manifest_options(arguments: argparse.Namespace) -> ManifestOptions:
    from mammo.data.manifest.header_columns import HeaderUse
    from mammo.data.manifest.options import ManifestOptions

    return ManifestOptions(
        columns=_column_map(arguments.column),
        positive=_words(arguments.positive),
        negative=_words(arguments.negative),
        drop=_words(arguments.drop),
        root=Path(arguments.root) if arguments.root else None,
        sheet=arguments.sheet,
        header=tuple(words(arguments.header or "")),
        headers=HeaderUse(arguments.header_patients, arguments.intent),
        licence=arguments.licence,
    )


def _words(lists: list[str]) -> tuple[str, ...]:
    """Words separated by commas, from all uses of an option; a comma within quotation marks is part of its word."""
    rows = csv.reader(lists, skipinitialspace=True)
    return tuple(word.strip() for row in rows for word in row if word.strip())


def _column_map(pairs: list[str]) -> dict[str, str]:
    columns = dict(pair.partition("=")[::2] for pair in pairs)
    if wrong := [pair for pair in pairs if not all(pair.partition("="))]:
        raise MammoError(f"--column takes OURS=THEIRS, such as path=filename, not {wrong[0]!r}.")
    return columns


_RAW_HELP = {"formatter_class": argparse.RawDescriptionHelpFormatter}


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    choices = "auto decides again, container takes that of each file's container, or a number from 8 to 16"
    default = "default: as the earlier index decided, else auto"
    bits = f"the depth of films in 16-bit containers that do not state it: {choices} ({default})"
    parser.add_argument("--bits", default="", metavar="BITS", help=bits)
    add_colour_marks(parser)
    parser.add_argument("--licence", default="", metavar="LICENCE", help=LICENCE_HELP)
    parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="the name of the data set")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Index, and print the counts, notes and licence."""
    from mammo.data.dataset.licence import licence_of
    from mammo.data.summary import summary

    dataset = with_bar(_work(arguments, home_of(arguments)))
    counts = summary(dataset)
    for record in dataset.depths:
        for sentence in record.sentences:
            say(f"Depth: {sentence}")
    for note in [*dataset.notes, *dataset.remarks]:
        say(f"Note: {note}")
    if counts["kinds"]["crop"] and not counts["kinds"]["full"] and not dataset.metadata_only:
        say(CROPS_ALONE)
    say(f"Licence: {licence_of(dataset.about).words} Others: mammo licence {dataset.name} NAME.")
    show(arguments, counts, f"{_text(counts)}\n{set_aside(dataset)}")
    if arguments.json:
        say(set_aside(dataset))
    return INCOMPLETE if dataset.stalled else 0


def set_aside(dataset: Dataset) -> str:
    """A sentence on the files that an index set aside, and on those among them that the machine could not read."""
    count, stalled = len(dataset.quarantine), len(dataset.stalled)
    if not count:
        return "Nothing was set aside."
    were = "1 file was" if count == 1 else f"{count} files were"
    line = f"{were} set aside; {dataset.folder / 'quarantine.csv'} lists what and why."
    if stalled:
        line += f" This machine did not let {stalled} of them be read: index again when it is less busy."
    return line


def _work(arguments: argparse.Namespace, home: Home) -> Work[Dataset]:
    from mammo.data.index.cbis_ddsm import index_cbis_ddsm, index_phantom
    from mammo.data.index.manifest import index_manifest
    from mammo.data.index.options import ReadingOptions

    reading, licence = ReadingOptions(arguments.bits, arguments.colour_marks == "ignore"), arguments.licence
    if arguments.source == "phantom":
        return index_phantom(home, arguments.name, arguments.images, arguments.seed, reading=reading, licence=licence)
    if arguments.source == "manifest":
        options = _manifest_options(arguments)
        return index_manifest(home, arguments.name, arguments.file, options=options, reading=reading)
    csv, alone = arguments.csv, arguments.metadata_only
    return index_cbis_ddsm(home, arguments.name, arguments.root, csv, alone, reading=reading, licence=licence)


def _text(counts: dict[str, Any]) -> str:
    from mammo.specs.class_names import ClassNames

    class_names = ClassNames(**counts["classes"]).by_label
    shown = {**counts, **{name: _renamed(counts[name], class_names) for name in ("labels", "image_labels")}}
    conflicts = f"images with {class_names['benign']} and {class_names['malignant']} lesions at once"
    rows = [
        [conflicts if name == "conflicts" else words, _value_words(shown[name]) or "-"]
        for name, words in COUNTS.items()
    ]
    kind = "synthetic data set" if counts["synthetic"] else "data set"
    return f"The {kind} {counts['dataset']} ({counts['source']}):\n" + table(rows, ["what", "count"])


def _renamed(counts: dict[str, int], class_names: dict[str, str]) -> dict[str, int]:
    return {class_names.get(label, label): count for label, count in counts.items()}


def _value_words(value: object) -> str:
    if value is None:
        return "not told"
    if isinstance(value, dict):
        return ", ".join(f"{count} {str(name).replace('_', ' ')}" for name, count in value.items())
    return str(value)
