"""In files that people open, no text becomes a formula, and numbers stay numbers."""

from __future__ import annotations

import csv
import io
import random
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from mammo.data.dataset.dataset import Dataset
from mammo.data.index.manifest import index_manifest
from mammo.progress import finish
from mammo.results.exports.files import FORMATS, as_bytes
from mammo.specs import Home
from mammo.storage.spreadsheets import CsvWriter, csv_of_rows, plain_cell, plain_cells

ROOT = Path(__file__).parents[2]
FORMULAS = [
    "=1+1", "+1", "-1+2", "-0.5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u3000=1", "\u200b=1",
    "\ufeff=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", '"=1', "\u201c=1", ' "=1', '=HYPERLINK("x";"y")',
    "\x1c=1", "\x85=1", "\xad=1", "\u180e=1", "\u2061=1", "- 3", "--1", "=", "-2+3+cmd|' /C calc'!A0", "=a\r=b",
]  # fmt: skip
PLAIN = [
    "",
    "-",
    "\u2013",
    "a=1",
    "1-2",
    "x@y.z",
    "'=1",
    "CC",
    "P_00001",
    "\u22120.5",
    "O'Brien",
    '"quoted"',
    "1e-4",
    "a\r=b",
    "a\n=b",
]


def written(table: pd.DataFrame, way: str) -> list[list[str]]:
    """Return the cells of a table after writing it as CSV in one way, the header first."""
    rows = way == "rows"
    text = csv_of_rows(table.to_dict("records"), list(table)) if rows else as_bytes(table, "csv").decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.faults("text that begins as a formula", "an apostrophe stands before it in every CSV that people open")
@pytest.mark.parametrize("way", ["rows", "arrow"])
def test_text_that_begins_as_a_formula_gets_an_apostrophe(way: str) -> None:
    table = pd.DataFrame({"=name": [*FORMULAS, *PLAIN], "number": -0.5})
    header, *rows = written(table, way)
    assert header == ["'=name", "number"]
    assert [row[0] for row in rows] == ["'" + text for text in FORMULAS] + PLAIN
    assert {row[1] for row in rows} == {"-0.5"}


@pytest.mark.parametrize("kind", ["category", "string", object])
def test_text_of_every_kind_of_column_is_seen(kind: str | type) -> None:
    table = pd.DataFrame({"text": pd.Series(["=1", "b", None], dtype=kind)})
    assert [row[0] if row else "" for row in written(table, "arrow")] == ["text", "'=1", "b", ""]
    assert plain_cells(table)["text"].tolist()[:2] == ["'=1", "b"] and table["text"].iloc[0] == "=1"


def test_what_is_no_text_stays_what_it_is() -> None:
    mixed, integers = [-1, "-1", None], pd.array([-2, None, 3], dtype="Int64")
    table = pd.DataFrame({"mixed": mixed, "whole": integers, "yes": [True] * 3})
    plain = plain_cells(table)
    assert plain["mixed"].tolist()[:2] == [-1, "'-1"]
    pd.testing.assert_frame_equal(plain[["whole", "yes"]], table[["whole", "yes"]])
    assert [plain_cell(value) for value in (-1, 2.5, None, b"=1")] == [-1, 2.5, None, b"=1"]
    assert plain_cell(plain_cell("=1")) == "'=1"


def test_a_formula_is_found_among_any_texts() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        texts = ["".join(rng.choices('a-=@ \n\r\t"', k=rng.randrange(5))) for _ in range(rng.randrange(1, 4))]
        assert plain_cells(pd.DataFrame({"text": texts}))["text"].tolist() == [plain_cell(text) for text in texts]


def test_parquet_stays_as_it_is() -> None:
    table = pd.DataFrame({"text": FORMULAS, "number": -0.5})
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(as_bytes(table, "parquet"))), table)
    assert FORMATS["csv"].writer is CsvWriter


def test_a_writer_takes_one_table_after_another() -> None:
    stream = io.BytesIO()
    schema = pa.schema([("text", pa.string()), ("number", pa.float64())])
    writer = CsvWriter(stream, schema)
    for text in ("=1", "a"):
        writer.write_table(pa.table({"text": [text], "number": [-1.5]}, schema))
    writer.close()
    assert stream.getvalue().decode().splitlines() == ['"text","number"', '"\'=1",-1.5', '"a",-1.5']


def test_files_set_aside_are_listed_as_text(home: Home, tmp_path: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(tmp_path / "a.png")
    (tmp_path / "m.csv").write_text("path,label\na.png,benign\n=cmd|x.png,malignant\n")
    dataset = finish(index_manifest(home, "odd", tmp_path / "m.csv", workers=1))
    ((path, reason),) = dataset.quarantine.to_numpy().tolist()
    assert path == "=cmd|x.png"
    listed = (dataset.folder / "quarantine.csv").read_text()
    assert listed == f"path,reason\n'=cmd|x.png,{reason}\n"
    assert Dataset.open(home, "odd").quarantine.to_numpy().tolist() == [[path, reason]]


WRITERS = re.compile(r"to_csv|csv\.writer|DictWriter|CSVWriter|write_csv|to_excel|xlsxwriter|ExcelWriter|Workbook\(")


def test_one_place_writes_csv_and_no_page_shows_a_table_of_formulas() -> None:
    code = [*(ROOT / "mammo").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    writing = [str(path.relative_to(ROOT)) for path in code if WRITERS.search(path.read_text())]
    assert writing == ["mammo/storage/spreadsheets.py"]
    for path in (ROOT / "pages").rglob("*.py"):  # Streamlit offers every such table as a CSV
        shown = re.findall(r"st\.(?:dataframe|data_editor)\(\s*(\w*)", path.read_text())
        assert set(shown) <= {"plain_cells"}, f"{path} shows a table whose text may be a formula"
