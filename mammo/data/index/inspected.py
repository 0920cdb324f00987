"""Inspecting many files: in guarded workers, and only those that are new or have changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from mammo.data.files.guarding import limits_of, load_decoders
from mammo.data.files.indexed_file import has_colour_marks
from mammo.data.files.previews import preview_name
from mammo.data.files.raster import Depth
from mammo.data.index.inspection import INSPECTION, FileFacts, InspectionRequest, failed_inspection, inspect_file
from mammo.data.index.join_files import stored_root
from mammo.processes.guarded import GuardedWork, guarded_map
from mammo.progress import Progress, Work
from mammo.storage.atomic_files import atomic_file
from mammo.storage.json_files import parse_json
from mammo.storage.tables import BOOLEAN, INTEGER, TEXT, check_columns, read_parquet

FLUSH = 1000
INSPECTED = "files.parquet"
COLUMNS = {
    field.name: {"str": TEXT, "int": INTEGER, "bool": BOOLEAN}[str(field.type)]
    for field in dataclasses.fields(FileFacts)
}
"""The columns of `INSPECTED`, the stored facts of inspected files, and their types."""


def inspect_files(
    folder: Path, root: Path, files: list[str], workers: int | None = None, colour_marks: bool = False
) -> Work[dict[str, FileFacts]]:
    """Inspect each of `files` under `root`; facts and previews are stored in the data set's `folder`.

    With `colour_marks`, coloured marks on a grey picture do not exclude it. Files that were inspected before and have
    not changed are not read again. A file that ends its worker has a reason, like any other unreadable file.
    """
    earlier = {
        file: fact
        for file, fact in _stored_facts(folder, root).items()
        if colour_marks or not has_colour_marks(fact.rules)
    }
    facts = {file: earlier[file] for file in files if file in earlier}
    todo = [file for file in files if file not in facts]
    previews = (folder / "previews").absolute()
    requests = [InspectionRequest(root.absolute(), file, previews, colour_marks=colour_marks) for file in todo]
    yield Progress("index", len(facts), len(files), "files")
    workers = min(workers, len(todo)) if workers else workers
    for count, fact in enumerate(inspect_guarded(requests, workers), start=1):
        facts[fact.file] = fact
        if count % FLUSH == 0:
            _store_facts(folder, root, facts.values())
        yield Progress("index", len(facts), len(files), "files")
    if todo:
        _store_facts(folder, root, facts.values())
    return {file: facts[file] for file in files}


def reread_files(
    folder: Path,
    root: Path,
    depths: Mapping[str, Depth | None],
    workers: int | None = None,
    colour_marks: bool = False,
) -> Work[dict[str, FileFacts]]:
    """Inspect files again at the depth that their data set decided."""
    previews = (folder / "previews").absolute()
    requests = [
        InspectionRequest(root.absolute(), file, previews, depth, colour_marks) for file, depth in depths.items()
    ]
    facts: dict[str, FileFacts] = {}
    workers = min(workers, len(requests)) if workers else workers
    for fact in inspect_guarded(requests, workers):
        facts[fact.file] = fact
        yield Progress("depth", len(facts), len(requests), "files")
    if facts:
        stored = {fact.file: fact for fact in _stored_facts(folder, root).values()}
        _store_facts(folder, root, {**stored, **facts}.values())
    return facts


def inspect_guarded(requests: list[InspectionRequest], workers: int | None = None) -> Iterator[FileFacts]:
    """Inspect untrusted files in guarded workers; yields their facts as the files are read."""
    work = GuardedWork(inspect_file, lambda request: limits_of(request.root / request.file), load_decoders)
    for _, fact in guarded_map(work, requests, failed_inspection, workers):
        yield fact


def _store_facts(folder: Path, root: Path, facts: Iterable[FileFacts]) -> None:
    """Store the facts of readable files; unreadable files are not stored and are tried again next time."""
    table = pd.DataFrame([dataclasses.asdict(fact) for fact in facts if not fact.reason])
    if table.empty:
        return
    with atomic_file(folder / INSPECTED) as stream:
        table.assign(root=str(stored_root(root, folder))).to_parquet(stream, index=False, write_page_checksum=True)


def _stored_facts(folder: Path, root: Path) -> dict[str, FileFacts]:
    """The facts that an earlier run stored, of files that have not changed and still have their preview."""
    try:
        table, _ = read_parquet(folder / INSPECTED)
        if list(table.columns) != [*(field.name for field in dataclasses.fields(FileFacts)), "root"]:
            return {}
        check_columns(table, {**COLUMNS, "root": TEXT})
        for name in ("header", "notes"):
            for text in table[name].unique():
                parse_json(text or "{}")
    except Exception:  # a damaged file raises any exception of its library
        return {}
    facts = {}
    same_root = table[table["root"] == str(stored_root(root, folder))]  # under another root, a name is another file
    for row in same_root.drop(columns="root").to_dict("records"):
        fact = FileFacts(**{str(key): value for key, value in row.items()})
        if fact.inspection == INSPECTION and _unchanged(root / fact.file, fact) and _has_preview(folder, fact):
            facts[fact.file] = fact
    return facts


def _unchanged(path: Path, fact: FileFacts) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return not fact.reason and (stat.st_size, stat.st_mtime_ns) == (fact.bytes, fact.modified)


def _has_preview(folder: Path, fact: FileFacts) -> bool:
    return fact.role == "mask" or (folder / "previews" / preview_name(fact.digest, fact.read_at, fact.rules)).is_file()
