"""docs/reliability.md says what the tests prove."""

import runpy
from pathlib import Path

RELIABILITY = runpy.run_path(str(Path(__file__).with_name("reliability.py")))


def test_the_table_is_that_of_the_markers():
    """Where this fails, run `python tests/reliability.py`."""
    assert RELIABILITY["PAGE"].read_text() == RELIABILITY["page"]()


def test_every_marker_stands_above_a_test():
    marker = "@pytest.mark." + "faults("
    written = sum(path.read_text().count(marker) for path in RELIABILITY["TESTS"].rglob("test_*.py"))
    assert written == len(list(RELIABILITY["promises"]())) > 10
