"""The citation names this version and this licence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mammo

ROOT = Path(__file__).parents[1]


def cited(field: str) -> str:
    """What a field of the citation itself says, not one of its references."""
    (value,) = re.findall(rf"^{field}: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    return str(value)


def test_the_citation_is_of_this_version() -> None:
    assert cited("version") == mammo.__version__


@pytest.mark.parametrize(("field", "value"), [("cff-version", "1.2.0"), ("title", "mammo"), ("type", "software")])
def test_the_citation_is_of_this_software(field: str, value: str) -> None:
    assert cited(field) == value


def test_the_licence_of_the_citation_is_that_of_the_project() -> None:
    assert (ROOT / "LICENSE").read_text().startswith(f"{cited('license')} License")
