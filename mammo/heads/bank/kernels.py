"""Functions in C, compiled for this processor once a process where there is a C compiler."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

FLAGS = ("-O3", "-march=native", "-funroll-loops", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
FUNCTIONS = {"fused_update": (5, 5, 2), "many_steps": (16, 4, 2)}
"""How many addresses, then longs, then floats a function takes; each stands in a C file of its name beside this one."""


@functools.cache
def compiled(name: str) -> Callable[..., None] | None:
    """A function of `FUNCTIONS`.

    The compiler is `$CC`, or cc; compiling takes a fraction of a second. None where that cannot be done.
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="mammo-") as folder:
            library = Path(folder) / f"{name}.so"
            source = Path(__file__).with_name(f"{name}.c")
            command = [compiler, *FLAGS, "-o", str(library), str(source), "-lm"]
            subprocess.run(command, check=True, capture_output=True)
            function = getattr(ctypes.CDLL(str(library)), name)
    except (OSError, subprocess.SubprocessError, AttributeError):
        return None
    pointers, integers, floats = FUNCTIONS[name]
    function.argtypes = [ctypes.c_void_p] * pointers + [ctypes.c_long] * integers + [ctypes.c_float] * floats
    function.restype = None
    return cast("Callable[..., None]", function)
