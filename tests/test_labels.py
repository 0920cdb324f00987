"""What a setting is called where people read it is its registry's label, in every page, table and document."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.images.preprocess import PREPROCESSINGS
from mammo.results.report.stated import ROWS
from mammo.results.setting_words import label_of, setting_words
from mammo.specs import PROBE

ROOT = Path(__file__).parents[1]
REGISTRIES = {"pool": POOLS, "optimizer": OPTIMIZERS, "preprocess": PREPROCESSINGS}
OTHERWISE = re.compile(r"\bNadam\b|\bN-Adam\b|\bGap\b|\bgap pool|\b[Bb]uilt in\b|\bBuiltin\b|\bFlatting\b")
"""Spellings of labels that are none."""
AS_VALUES = re.compile(r"\b(nadam|builtin)\b|(?<!mammo )\b(adam|gap|flatten) (heads?|pool|features|optimi[sz]er)\b")
"""Values of options in the middle of prose."""
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.mark.parametrize("setting", REGISTRIES)
def test_every_value_has_the_label_of_its_registry(setting):
    for name, entry in dict(REGISTRIES[setting]).items():
        assert label_of(setting, name).casefold() == entry.label.casefold()
        if setting != "preprocess":  # in the middle of a sentence it has no capital
            assert label_of(setting, name) == entry.label
    assert label_of(setting, PROBE) == PROBE


def test_runs_are_named_by_labels():
    runs = pd.DataFrame({"pool": ["gap", "flatten"], "optimizer": ["nadam", "adam"], "preprocess": ["builtin", "new"]})
    assert setting_words(runs) == {
        "preprocess": ["built-in", "new"],
        "pool": ["GAP", "Flatten"],
        "optimizer": ["NAdam", "Adam"],
    }


def test_rows_of_the_report_are_named_by_labels():
    assert {row.preprocessing for row in ROWS} == {"built-in", "self-written"}
    assert "NAdam · GAP" in next(row.label for row in ROWS if row.optimizer == "nadam" and row.pool == "gap")


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda page: page.name)
def test_documents_spell_labels_alike(page):
    prose = CODE.sub("", page.read_text())
    assert not (OTHERWISE.findall(prose) + [match.group() for match in AS_VALUES.finditer(prose)])


def test_texts_spell_labels_alike():
    folders = ("mammo", "pages", "benchmarks")
    texts = [
        (path, node.value) for folder in folders for path in (ROOT / folder).rglob("*.py") for node in texts_of(path)
    ]
    assert len(texts) > 5000
    assert not [(path.name, text) for path, text in texts if OTHERWISE.search(text)]


def texts_of(path: Path) -> list[ast.Constant]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
