"""The glossary is in alphabetical order and explains each word once."""

from __future__ import annotations

import re
from pathlib import Path

GLOSSARY = Path(__file__).parents[1] / "docs" / "glossary.md"
ENTRY = re.compile(r"^- \*\*(.+?)\*\*: (.+(?:\n  .+)*)", re.MULTILINE)


def entries() -> list[tuple[str, str]]:
    """The words and what is said of them."""
    found: list[tuple[str, str]] = ENTRY.findall(GLOSSARY.read_text())
    return found


def test_every_entry_is_a_word_with_a_sentence() -> None:
    assert len(entries()) == GLOSSARY.read_text().count("\n- ") >= 40
    assert all(text.endswith(".") for _, text in entries())


def test_words_are_in_alphabetical_order_and_each_stands_once() -> None:
    words = [word.casefold() for word, _ in entries()]
    assert words == sorted(set(words))


def test_every_bold_word_is_an_entry() -> None:
    assert len(re.findall(r"\*\*.+?\*\*", GLOSSARY.read_text())) == len(entries())


def test_the_words_of_the_project_are_there() -> None:
    words = {word for word, _ in entries()}
    assert words >= {"Axis", "Bank", "Cache", "Head", "Home", "Pool", "Probe", "Run", "Sweep", "Tail", "Tap", "Trunk"}
