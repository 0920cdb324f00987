"""Untrusted Parquet tables: read with their checksums, and with checks on the columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pandas.api import types

from mammo.storage.atomic_files import read_bytes

TEXT, INTEGER, NUMBER, BOOLEAN = "text", "whole numbers", "numbers", "yes or no"


def _is_text(column: pd.Series) -> bool:
    return types.infer_dtype(column, skipna=True) in ("string", "empty") or _is_missing(column)


def _is_integer(column: pd.Series) -> bool:
    return types.is_integer_dtype(column) or _is_missing(column)


def _is_number(column: pd.Series) -> bool:
    return (types.is_numeric_dtype(column) and not types.is_bool_dtype(column)) or _is_missing(column)


def _is_missing(column: pd.Series) -> bool:
    return bool(column.isna().all())


KINDS: dict[str, Callable[[pd.Series], bool]] = {
    TEXT: _is_text,
    INTEGER: _is_integer,
    NUMBER: _is_number,
    BOOLEAN: types.is_bool_dtype,
}
"""The kinds of columns, each with its test; values may be missing where the type allows it."""


def read_parquet(path: Path) -> tuple[pd.DataFrame, Mapping[bytes, bytes]]:
    """Return a stored table and the metadata of its schema.

    Raises any exception of the library where the file is damaged, and OSError where it is no regular file.
    """
    table = pq.read_table(io.BytesIO(read_bytes(path)), page_checksum_verification=True)
    return table.to_pandas(), table.schema.metadata or {}


def check_columns(table: pd.DataFrame, columns: Mapping[str, str], needed: bool = True) -> None:
    """Raise ValueError where a `needed` column is missing, or a column occurs twice or is of another kind."""
    for name, kind in columns.items():
        if name not in table:
            if needed:
                raise ValueError(f"lacks the column {name}")
            continue
        column: Any = table[name]
        if isinstance(column, pd.DataFrame):
            raise ValueError(f"has the column {name} twice")
        if not KINDS[kind](column):
            raise ValueError(f"does not hold {kind} in the column {name}")


def check_unique(table: pd.DataFrame, name: str) -> None:
    """Raise ValueError where a value of a column is missing or occurs twice."""
    if table[name].isna().any() or table[name].duplicated().any():
        raise ValueError(f"names a row twice, or not at all, in the column {name}")
