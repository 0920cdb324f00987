"""`mammo bench`: compare the project's speed with that of its peers, in turns within one run."""

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
    parser.add_argument("--rows", default="", metavar="IDS", help="only these races, separated by commas")
    parser.add_argument("--repeats", type=int, default=0, help="repeats of each race (default: 5, quick: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Run the races and print a table of ratios."""
    registry = _registry()
    chosen = words(arguments.rows) or [name for name, row in registry.items() if row.quick or not arguments.quick]
    for name in chosen:
        pick(registry, name, "race")
    repeats = arguments.repeats or (2 if arguments.quick else 5)
    rows = [
        _run_race(name, registry[name], repeats) if len(chosen) == 1 else _run_alone(name, repeats) for name in chosen
    ]
    shown = [
        [row["id"], *(_number(row[key]) for key in ("ours", "peer", "ratio", "target")), row["unit"]] for row in rows
    ]
    header = ["race", "ours", "peer", "ratio", "at least", "unit"]
    content = {"date": date.today().isoformat(), "machine": machine(), "repeats": repeats, "rows": rows}
    show(arguments, content, table(shown, header))
    return 0


def _registry() -> dict[str, Any]:
    if not (ROOT / "benchmarks" / "rows.py").is_file():
        raise MammoError(f"The benchmarks are not at {ROOT / 'benchmarks'}; run this from a checkout of the project.")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    rows: dict[str, Any] = import_module("benchmarks.rows").ROWS
    return rows


def _run_alone(name: str, repeats: int) -> dict[str, Any]:
    """Run one race in a process of its own, without threads and memory of earlier races."""
    command = [sys.executable, "-m", "mammo", "bench", "--json", "--rows", name, "--repeats", str(repeats)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise MammoError(f"The race {name} failed, see above; name others with --rows.")
    (row,) = json.loads(done.stdout)["rows"]
    return dict(row)


def _run_race(name: str, row: Any, repeats: int) -> dict[str, Any]:
    """Run one race; return it as JSON: `spread` is the least and greatest ratio, null where the race cannot run."""
    facts = {"id": name, "label": row.label, "against": row.peer, "target": row.target, "unit": row.unit}
    if row.needs and find_spec(row.needs) is None:
        return {**facts, "ours": None, "peer": None, "ratio": None, "spread": None, "missing": row.needs}
    say(f"{name} …")
    measured = row.measure(repeats)
    spread = [min(measured.ratios), max(measured.ratios)]
    say(f"{name}: {_number(measured.ratio)} times ({_number(spread[0])} to {_number(spread[1])})")
    ours, peer = median(measured.ours), median(measured.peer)
    return {**facts, "ours": ours, "peer": peer, "ratio": measured.ratio, "spread": spread}


def machine() -> dict[str, Any]:
    """The machine and the versions of packages that the races ran on."""
    import torch

    versions = {name: metadata.version(name) for name in PACKAGES if find_spec(name.replace("scikit-image", "skimage"))}
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"processor": _processor(), "cores": cores(), "gpu": gpu, "python": platform.python_version(), **versions}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _number(value: float | None) -> str:
    return "not run" if value is None else f"{value:.3g}"
