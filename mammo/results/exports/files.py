"""Tables of runs and scores as files for other tools, with a page that explains them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from mammo.data.splits.leakage import COUNTS
from mammo.progress import Progress, Work
from mammo.results.exports.card import RESEARCH, SYNTHETIC
from mammo.results.exports.tables import IDENTITY, MEANINGS, runs_table, scores_long, scores_wide
from mammo.results.exports.terms import attributions, datasets_of
from mammo.results.markdown import marked
from mammo.runs.stored_run import StoredRun
from mammo.storage.atomic_files import atomic_file, write_text
from mammo.storage.spreadsheets import CsvWriter

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from mammo.results.exports.selection import Selection
    from mammo.runs.sweep import Sweep

SOURCE = "Source of the images"
"""The label of a collection's attribution."""

TEXT = ("run", *IDENTITY, "part")
LONG = pa.schema(
    [
        *((name, pa.string()) for name in TEXT),
        ("patient_in_train", pa.bool_()),
        ("logit", pa.float32()),
        ("probability", pa.float64()),
    ]
)
"""The columns of a long table of scores."""


@dataclass(frozen=True)
class Format:
    """A kind of file: `writer(stream, schema)` has `write_table`, called once for each Arrow table, and `close`."""

    label: str
    mime: str
    writer: Callable[[IO[bytes], pa.Schema], Any]


def _parquet(stream: IO[bytes], schema: pa.Schema) -> Any:
    from pyarrow import parquet

    return parquet.ParquetWriter(stream, schema, compression="zstd")


FORMATS = {
    "csv": Format("CSV", "text/csv", CsvWriter),
    "parquet": Format("Parquet", "application/vnd.apache.parquet", _parquet),
}


def as_bytes(frame: pd.DataFrame, ending: str) -> bytes:
    """Return the bytes of a file of the kind `ending` (a key of `FORMATS`) that holds the table."""
    stream = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    _write(stream, table.schema, [table], ending)
    return stream.getvalue()


def write_tables(selection: Selection, folder: Path, ending: str) -> Work[None]:
    """Write the table of runs, the long table of scores, a wide one for each sweep, and a page that explains them."""
    with atomic_file(folder / f"runs.{ending}") as stream:
        stream.write(as_bytes(runs_table(selection.board), ending))
    total = sum(len(sweep.runs) for sweep in selection.sweeps)
    long = (pa.Table.from_pandas(scores_long(run), LONG, preserve_index=False) for run in selection.runs)
    with atomic_file(folder / f"scores-long.{ending}") as stream:
        writer = FORMATS[ending].writer(stream, LONG)
        for done, table in enumerate(long, start=1):
            writer.write_table(table)
            yield Progress(ending, done, total, "runs")
        writer.close()
    for sweep in selection.sweeps:
        wide = scores_wide([StoredRun(sweep, row) for row in range(len(sweep.runs))])
        with atomic_file(folder / f"scores-wide-{file_name(sweep.id)}.{ending}") as stream:
            stream.write(as_bytes(wide, ending))
    write_text(folder / "README.md", about(selection))


def _write(stream: IO[bytes], schema: pa.Schema, tables: Iterable[pa.Table], ending: str) -> None:
    writer = FORMATS[ending].writer(stream, schema)
    for table in tables:
        writer.write_table(table)
    writer.close()


def file_name(name: str) -> str:
    """The name of a sweep or run in a form that may be part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def about(selection: Selection) -> str:
    """The page that explains exported tables, in Markdown: sweeps, splits, leakage, and the meaning of the columns."""
    columns = [f"- `{name}`: {meaning}" for name, meaning in MEANINGS.items()]
    sources = attributions(datasets_of(selection.home, selection.sweeps).values())
    attribution_lines = [f"{SOURCE}: {marked(source)}\n" for source in sources]
    return "\n".join(
        ["# Runs and scores", "", *attribution_lines, *about_sweeps(selection.sweeps), "## Columns", "", *columns, ""]
    )


def about_sweeps(sweeps: Sequence[Sweep]) -> list[str]:
    """Lines of Markdown with the warnings, notes, weights and leakage of sweeps, to read before their figures."""
    notes = sorted({str(cache["weights_note"]) for sweep in sweeps for cache in sweep.about["caches"].values()})
    lines = [RESEARCH, "", *([SYNTHETIC, ""] if any(sweep.synthetic for sweep in sweeps) else [])]
    lines += [f"**Note**: {marked(note)}\n" for note in dict.fromkeys(note for sweep in sweeps for note in sweep.notes)]
    lines += [f"Weights of the trunks: {'; '.join(notes)}.", "", "## What train holds of the test set", ""]
    lines += [f"| Sweep | Split | Test | {' | '.join(COUNTS.values())} |", f"|{' --- |' * (3 + len(COUNTS))}"]
    for sweep in sweeps:
        for facts in sweep.about["splits"]:
            spec, leaks = facts["spec"], (facts["leakage"].get(kind) for kind in COUNTS)
            split = f"{spec['protocol']} {spec['seed']}.{spec['redraw']} {spec.get('labels', 'merged')}"
            counts = " | ".join("not known" if count is None else str(count) for count in leaks)
            lines.append(f"| {sweep.id} | {split} | {facts['sizes']['test']} | {counts} |")
    return [*lines, ""]
