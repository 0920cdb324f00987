"""CSV files for spreadsheets: all CSV is written here, so that no spreadsheet runs text as a formula.

A text cell that begins like a formula, after any spaces or quotation marks, gets an apostrophe in front: spreadsheets
read that as the mark of text. Numbers and harmless text stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa

BEGINS = "=+@\\t\\r\\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b"
"""Characters with which a formula begins, full-width and small forms too; a hyphen counts only before more text."""
BEFORE = '"\u201c\u201d\u201e\u00ab\u00bb` \u00a0\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff'
BEFORE += "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\u009f\u00ad\u061c\u180e\u2061-\u206f"
"""Characters that a spreadsheet skips before a formula: spaces, zero-width characters, quotation marks, controls."""
FORMULA = f"(?s)^[{BEFORE}]*(?:[{BEGINS}]|-.)"
"""A pattern with the same meaning in Python and in Arrow."""
MARK = "'"


def plain_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet reads as a formula; values other than text stay as they are."""
    return MARK + value if isinstance(value, str) and re.match(FORMULA, value) else value


def plain_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text and column names no spreadsheet reads as formulas."""
    texts = [column for column in range(table.shape[1]) if _may_hold_text(table.dtypes.iloc[column])]
    plain = table.copy(deep=False)
    for column in texts:
        values = table.iloc[:, column]
        if _may_begin_formulas(values):
            plain.isetitem(column, values.astype(object).map(plain_cell).array)
    plain.columns = [plain_cell(name) for name in table.columns]
    return plain


def csv_of_rows(rows: Iterable[Mapping[str, Any]], names: Sequence[str], neutral: bool = True) -> str:
    """Return rows as CSV text with the columns `names`; a value that a row lacks is empty.

    Without `neutral`, formulas stay as they are: only for comparing with files of earlier versions.
    """
    lines = [list(names), *([row.get(name, "") for name in names] for row in rows)]
    return "".join(f"{_line(map(plain_cell, cells) if neutral else cells)}\n" for cells in lines)


def _line(cells: Iterable[Any]) -> str:
    """Return cells as one line; with this line terminator csv quotes cells that hold a carriage return."""
    with io.StringIO(newline="") as stream:
        csv.writer(stream, lineterminator="\r\n").writerow(cells)
        return stream.getvalue().removesuffix("\r\n")


class CsvWriter:
    """Writer of Arrow tables, one after another, into one CSV file; used like pyarrow's own writers."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        from pyarrow import csv as arrow_csv

        self._schema = _plain_schema(schema)
        options = arrow_csv.WriteOptions(quoting_style="needed")
        self._writer = arrow_csv.CSVWriter(stream, self._schema, write_options=options)

    def write_table(self, table: pa.Table) -> None:
        """Write the rows of a table."""
        self._writer.write_table(_plain_table(table, self._schema))

    def close(self) -> None:
        """Write the remaining rows and close the writer."""
        self._writer.close()


def _may_begin_formulas(values: pd.Series) -> bool:
    """Whether a text may begin like a formula: one search over all texts as lines finds every candidate."""
    texts = {value for value in values if isinstance(value, str) and value}
    return re.search(FORMULA, "\n".join(texts), re.MULTILINE) is not None


def _may_hold_text(dtype: Any) -> bool:
    kinds = pd.api.types
    return not (kinds.is_numeric_dtype(dtype) or kinds.is_bool_dtype(dtype) or kinds.is_datetime64_any_dtype(dtype))


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with names that are no formulas, and with categories as text."""
    import pyarrow as pa

    kinds = [pa.large_string() if pa.types.is_dictionary(field.type) else field.type for field in schema]
    return pa.schema([(plain_cell(field.name), kind) for field, kind in zip(schema, kinds, strict=True)])


def _plain_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with a plain schema and the mark before every text that begins like a formula."""
    import pyarrow as pa
    from pyarrow import compute

    table = table.rename_columns(schema.names).cast(schema)
    for number, field in enumerate(schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(number)
            formulas = compute.fill_null(compute.match_substring_regex(column, FORMULA), fill_value=False)
            if compute.any(formulas).as_py():
                marked = compute.binary_join_element_wise(
                    pa.scalar(MARK, field.type), column, pa.scalar("", field.type)
                )
                table = table.set_column(number, field, compute.if_else(formulas, marked, column))
    return table
