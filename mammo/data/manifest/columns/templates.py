"""Templates: a cell that is composed of several columns, such as `images/{study_id}/{image_id}.dcm`."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.data.manifest.words.words import is_missing, plain_number
from mammo.errors import MammoError

FIELD = re.compile(r"\{([^{}]*)\}")
WILD = re.compile(r"[*?]|\[[^\]]+\]")


def is_template(text: str) -> bool:
    """Whether a mapped name is a template over columns."""
    return "{" in text or "}" in text


@dataclass(frozen=True)
class Template:
    """A text with fields `{column}`, or `{this|that}`: the first of these columns that is not empty.

    A field is a column's name and nothing else. Where all columns of a field are empty, the cell is empty.
    """

    text: str
    fields: tuple[tuple[str, ...], ...]
    wild: bool

    @classmethod
    def of(cls, text: str, columns: list[str], path: Path, files: bool) -> Template:
        """Parse a template, with `*`, `**` and `?` where `files` is true. Raises MammoError for unknown columns."""
        parts = FIELD.split(text)
        if not parts[1::2] or any("{" in part or "}" in part for part in parts[::2]):
            raise MammoError(f"The template {text!r} needs columns in braces, such as 'images/{{image_id}}.png'.")
        columns_by_name = {name.casefold(): name for name in columns} | {name: name for name in columns}
        fields = []
        for part in parts[1::2]:
            choices = [part] if part in columns_by_name else part.split("|")
            for name in choices:
                if name not in columns_by_name and name.casefold() not in columns_by_name:
                    raise MammoError(f"{path} has no column {name!r}; its columns are: {', '.join(columns)}.")
            fields.append(tuple(columns_by_name.get(name) or columns_by_name[name.casefold()] for name in choices))
        return cls(text, tuple(fields), files and WILD.search("".join(parts[::2])) is not None)

    def __str__(self) -> str:
        return self.text

    def fill(self, table: pd.DataFrame) -> pd.Series:
        """The cells of all rows; in a template with wildcards, wildcards in the columns' own cells are escaped."""
        fixed = FIELD.split(self.text)[::2]
        values = [self._values(table, names) for names in self.fields]
        cells = [
            "".join(part for pair in zip(fixed, (*row, ""), strict=True) for part in pair) if all(row) else ""
            for row in zip(*values, strict=True)
        ]
        return pd.Series(cells, index=table.index, name=self.text, dtype=str)

    def _values(self, table: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
        columns = []
        for name in names:
            texts = {cell: "" if is_missing(cell) else plain_number(cell) for cell in table[name].unique()}
            if self.wild:
                texts = {cell: glob.escape(value) for cell, value in texts.items()}
            columns.append([texts[cell] for cell in table[name].tolist()])
        return [next(filter(None, choices), "") for choices in zip(*columns, strict=True)]
