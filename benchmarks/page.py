"""What `mammo bench --json` found, as the Markdown of docs/benchmarks.md.

Run it with: python -m benchmarks.page FILE.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

COLUMNS = ("race", "what is raced", "against", "ours", "peer", "ratio", "spread", "at least", "unit")
NOT_VERSIONS = ("processor", "cores", "gpu")


def page(results: dict[str, Any]) -> str:
    """A line about the machine, the command, and a table; a ratio that falls short of its target is in bold."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.items() if name not in NOT_VERSIONS)
    on = f"{machine['cores']} cores of {machine['processor']}, {machine['gpu'] or 'no GPU'}"
    summary = (
        f"{results['date']}: {on}, {versions}; median of {results['repeats']} repeats, with the least and the greatest."
    )
    header = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return "\n".join([summary, "", header, *map(_line, results["rows"])])


def _line(row: dict[str, Any]) -> str:
    cells = [f"`{row['id']}`", row["label"], row["against"]]
    if row["ratio"] is None:
        cells += ["", "", "not measured", ""]
    else:
        ratio = _number(row["ratio"])
        least, most = map(_number, row["spread"])
        cells += [_number(row["ours"]), _number(row["peer"])]
        cells += [ratio if row["ratio"] >= row["target"] else f"**{ratio}**", f"{least}–{most}"]
    return "| " + " | ".join([*cells, _number(row["target"]), row["unit"]]) + " |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Print the page's table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    print(page(json.loads(parser.parse_args().file.read_text())))


if __name__ == "__main__":
    main()
