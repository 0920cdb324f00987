"""`mammo doctor`: check this machine, and show what is missing and how to get it."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from mammo.commands.shared import Commands, add_command, home_of, show, table
from mammo.errors import MammoError
from mammo.specs import Home
from mammo.storage.atomic_files import write_text

PACKAGES = ("streamlit", "torch", "torchvision", "timm", "pydicom", "scikit-image", "scikit-learn", "plotly", "zarr")
ROOM = 5 * 2**30
"""Free bytes that are enough for the caches of one data set."""


@dataclass(frozen=True)
class Check:
    """The result of one check; `remedy` says what to do where it is not `ok`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show versions, devices, weights and disk, what is missing and how to get it"
    add_command(commands, "doctor", purpose, "mammo doctor", run)


def run(arguments: argparse.Namespace) -> int:
    """Run and print all checks; return 1 where a check that the package needs fails."""
    home = home_of(arguments)
    checks = [
        _python(),
        *map(_package, PACKAGES),
        _imports(),
        _device(),
        _compiler(),
        *_weights(),
        _home(home),
        _disk(home),
        _browser(),
    ]
    rows = [[check.name, "ok" if check.ok else "LOOK", check.detail, check.remedy] for check in checks]
    show(arguments, {"checks": [asdict(check) for check in checks]}, table(rows, ["what", "", "found", "what to do"]))
    needed = {"python", "imports", "home", *PACKAGES}
    return 1 if any(not check.ok for check in checks if check.name in needed) else 0


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, platform.python_version(), "" if ok else "Install Python 3.11 or newer.")


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", "Run `pip install -r requirements.txt`.")


def _imports() -> Check:
    """Whether torchvision imports: it fails where it and torch come from different sources."""
    try:
        import torchvision

        return Check("imports", True, f"torchvision {torchvision.__version__} imports beside torch")
    except (ImportError, RuntimeError, OSError) as error:
        remedy = "Install torch and torchvision from the same source, as requirements.txt pins them."
        return Check("imports", False, str(error).splitlines()[0][:120], remedy)


def _device() -> Check:
    from mammo.features.precision import fast_precision
    from mammo.processes.parallel import cores

    try:
        import torch

        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    except (ImportError, OSError):
        gpu = None
    return Check("device", True, f"{gpu or 'no GPU'}, {cores()} processor cores, fastest precision {fast_precision()}")


def _compiler() -> Check:
    """Whether a C compiler works; without one heads train more slowly."""
    try:
        from mammo.heads.bank.kernels import FUNCTIONS, compiled

        ok = all(compiled(name) is not None for name in FUNCTIONS)
    except (ImportError, OSError):
        ok = False
    remedy = "" if ok else "Heads still train, at about half the speed; install a C compiler (gcc)."
    return Check("C compiler", ok, "heads are updated in one pass" if ok else "none that works", remedy)


def _weights() -> list[Check]:
    from mammo.features.trunks.locate import local_weights
    from mammo.features.trunks.table import TRUNKS

    checks = []
    for name, kind in TRUNKS.items():
        path = local_weights(name)
        source = f"{kind.default_weights} weights"
        remedy = (
            ""
            if path
            else "They are downloaded at first use where there is a network; or name a file with --weights FILE."
        )
        checks.append(Check(f"weights of {name}", path is not None, str(path or f"no {source} here"), remedy))
    return checks


def _home(home: Home) -> Check:
    probe = home.path / ".doctor"
    try:
        write_text(probe, "")
        probe.unlink()
    except (MammoError, OSError) as error:
        return Check("home", False, str(error), "Choose another folder with --home DIR or MAMMO_HOME.")
    return Check("home", True, str(home.path))


def _disk(home: Home) -> Check:
    existing = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    return Check("disk", free > ROOM, f"{free / 2**30:.1f} GiB free", "" if free > ROOM else "Free some space.")


def _browser() -> Check:
    names = ("chromium", "chromium-browser", "google-chrome")
    find: Callable[[str], str | None] = shutil.which
    path = next(filter(None, map(find, names)), None)
    remedy = "" if path else "Only the browser tests need it: apt-get install chromium."
    return Check("chromium", path is not None, str(Path(path) if path else "not found"), remedy)
