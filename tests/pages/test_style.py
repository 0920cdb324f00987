"""The style sheet agrees with the theme."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_cards_link_has_the_link_colours_of_the_theme():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    light, dark = (theme[scheme]["linkColor"] for scheme in ("light", "dark"))
    assert (
        f"a.go-on {{ color: light-dark({light}, {dark});"
        in (ROOT / "pages" / "shared" / "base" / "style.css").read_text()
    )
