"""`mammo bench`: the project's speed beside its peers', in turn in one run."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from datetime import date
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from mammo.commands.shared import Commands, add_command, say, show, table, words
from mammo.errors import MammoError
from mammo.processes.parallel import cores
from mammo.specs import pick

ROOT = Path(__file__).parents[2]
PACKAGES = ("torch", "numpy", "scikit-image", "pydicom", "keras")


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "race the project against its peers on this machine"
    parser = add_command(commands, "bench", purpose, "mammo bench --quick", run)
    parser.add_argument("--quick", action="store_true", help="the short races only, two repeats each")
    parser.add_argument("--rows", default="", metavar="IDS", help="only these races, with commas between")
    parser.add_argument("--repeats", type=int, default=0, help="repeats of each race (default: 5, quick: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Run the races and print a table of ratios."""
    registry = _registry()
    chosen = words(arguments.rows) or [name for name, row in registry.items() if row.quick or not arguments.quick]
    for name in chosen:
        pick(registry, name, "race")
    repeats = arguments.repeats or (2 if arguments.quick else 5)
    rows = [_raced(one, registry[one], repeats) if len(chosen) == 1 else _apart(one, repeats) for one in chosen]
    shown = [
        [row["id"], *(_number(row[key]) for key in ("ours", "peer", "ratio", "target")), row["unit"]] for row in rows
    ]
    header = ["race", "ours", "peer", "ratio", "at least", "unit"]
    told = {"date": date.today().isoformat(), "machine": machine(), "repeats": repeats, "rows": rows}
    show(arguments, told, table(shown, header))
    return 0


def _registry() -> dict[str, Any]:
    if not (ROOT / "benchmarks" / "rows.py").is_file():
        raise MammoError(f"The benchmarks are not at {ROOT / 'benchmarks'}; run this from a checkout of the project.")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    rows: dict[str, Any] = import_module("benchmarks.rows").ROWS
    return rows


def _apart(name: str, repeats: int) -> dict[str, Any]:
    """One race in a process of its own, where no other has left threads or memory behind."""
    command = [sys.executable, "-m", "mammo", "bench", "--json", "--rows", name, "--repeats", str(repeats)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise MammoError(f"The race {name} failed, see above; name others with --rows.")
    (row,) = json.loads(done.stdout)["rows"]
    return dict(row)


def _raced(name: str, row: Any, repeats: int) -> dict[str, Any]:
    """One race as JSON; `spread` holds the least and the greatest ratio, all numbers are null where it cannot run."""
    told = {"id": name, "label": row.label, "against": row.peer, "target": row.target, "unit": row.unit}
    if row.needs and find_spec(row.needs) is None:
        return {**told, "ours": None, "peer": None, "ratio": None, "spread": None, "missing": row.needs}
    say(f"{name} …")
    made = row.measure(repeats)
    spread = [min(made.ratios), max(made.ratios)]
    say(f"{name}: {_number(made.ratio)} times ({_number(spread[0])} to {_number(spread[1])})")
    return {**told, "ours": median(made.ours), "peer": median(made.peer), "ratio": made.ratio, "spread": spread}


def machine() -> dict[str, Any]:
    """What the races ran on."""
    import torch

    versions = {name: metadata.version(name) for name in PACKAGES if find_spec(name.replace("scikit-image", "skimage"))}
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"processor": _processor(), "cores": cores(), "gpu": gpu, "python": platform.python_version(), **versions}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _number(value: float | None) -> str:
    return "not run" if value is None else f"{value:.3g}"
