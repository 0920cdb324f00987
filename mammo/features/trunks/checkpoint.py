"""Files of weights as people have them, read without running code that stands in them."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from mammo.errors import MammoError

HARMLESS: dict[str, tuple[str, ...]] = {
    "argparse": ("Namespace",),
    "types": ("SimpleNamespace",),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("scalar", "_reconstruct"),
    "numpy._core.multiarray": ("scalar", "_reconstruct"),
    "datetime": ("datetime", "date", "time", "timedelta", "timezone"),
    "pathlib": ("Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID", "SafeUUID"),
    "torch": ("Generator",),
    "builtins": ("bool", "int", "float", "str", "list", "tuple", "dict", "frozenset", "range", "slice", "object"),
    "copyreg": ("_reconstructor",),
    "pytorch_lightning.callbacks.model_checkpoint": ("ModelCheckpoint",),
    "pytorch_lightning.callbacks.early_stopping": ("EarlyStopping",),
    "lightning.pytorch.callbacks.model_checkpoint": ("ModelCheckpoint",),
}
"""Types of what trainers write beside tensors, by module. A stand-in takes their place: none of them is ever made."""
HOLDERS: dict[str, Callable[..., Any]] = {
    "collections.defaultdict": lambda *_: {},
    "collections.deque": lambda *_: [],
    "pytorch_lightning.utilities.parsing.AttributeDict": dict,
    "lightning_fabric.utilities.data.AttributeDict": dict,
    "lightning.fabric.utilities.data.AttributeDict": dict,
    "lightning.pytorch.utilities.parsing.AttributeDict": dict,
}
"""Types that hold other things, and the plain table or list that takes their place."""

FOREIGN = {
    b"\x89HDF": "it is an HDF5 file, as Keras writes",
    b"version https://git-lfs": "it is a Git LFS pointer: the file itself was not fetched",
    b"<": "it is a web page or XML: the file itself was not fetched",
    b"ustar": "it is a tar archive",
    b"\x1f\x8b": "it is a gzip archive: unpack it first",
}
"""How files begin that are no weights, and what is said of them."""
DAMAGED = "it is damaged or cut short, or no file of tensors"
SCRIPT = "it is TorchScript, which is code as well as tensors"
NEWER = "it is pickled by a protocol that may hold more than tensors and is not read without running code"
FRAME = 0x95
"""With which a pickle of protocol 4 or 5 begins, behind its number."""
WAYS_OUT = "give a .safetensors file, or a state dict saved with torch.save(model.state_dict(), FILE)"


class _StandIn:
    """What stands for an object of a harmless type: it takes anything and does nothing."""

    def __new__(cls, *_: object, **__: object) -> _StandIn:
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """Keep nothing."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a weights file by their names; those of tables within tables have the tables' names before them.

    The format is told by the content, not by the suffix. Raises MammoError where the file is damaged, holds none, or
    could be read only by running code.
    """
    content = _read(path)
    if isinstance(content, Tensor) or not isinstance(content, dict | list | tuple):
        raise unreadable(path, "it holds no table of tensors")
    return dict(_flattened(content))


def unreadable(path: Path, reason: str) -> MammoError:
    """The one sentence for a file that cannot be read, with the ways out."""
    return MammoError(f"The weights file {path} cannot be read ({reason}); {WAYS_OUT}.")


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise unreadable(path, f"it cannot be opened: {(error.strerror or 'no reason is given').lower()}") from None
    if not start:
        raise unreadable(path, "it is empty")
    for beginning, reason in FOREIGN.items():
        if start.startswith(beginning) or (beginning == b"ustar" and start[257:262] == beginning):
            raise unreadable(path, reason)
    return _safetensors(path) if start[8:9] == b"{" else _pickled(path)


def _safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError):
        raise unreadable(path, DAMAGED) from None


def _pickled(path: Path) -> Any:
    """What torch.save wrote, by torch's own reader of tensors and plain values."""
    archive = zipfile.is_zipfile(path)
    if archive and _is_script(path):
        raise unreadable(path, SCRIPT)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_stand_ins()):
            warnings.simplefilter("ignore")  # torch warns of foreign files in words that speak of its own options
            return torch.load(path, "cpu", weights_only=True, mmap=archive)
    except UnpicklingError as error:
        raise unreadable(path, _refused(path, str(error))) from None
    except Exception as error:  # damaged files raise many kinds
        raise unreadable(path, SCRIPT if "TorchScript" in str(error) else DAMAGED) from None


def _stand_ins() -> list[Any]:
    """What is allowed to stand beside tensors: each type's name with what takes its place."""
    import numpy as np

    names = [f"{module}.{name}" for module, types in HARMLESS.items() for name in types]
    names += [f"numpy.dtypes.{name}" for name in dir(np.dtypes) if name.endswith("DType")]
    return [*((_StandIn, name) for name in names), *((made, name) for name, made in HOLDERS.items())]


def _is_script(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") or "/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _refused(path: Path, message: str) -> str:
    """Why torch's reader refused a file: what stands in it beside tensors, by name."""
    named = re.search(r"GLOBAL ([\w.]+)", message)
    if named is None:
        return NEWER if f"operand {FRAME}" in message else DAMAGED
    try:
        others = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # only archives tell, and damaged ones raise many kinds
        others = []
    if any(name.startswith(("torch.nn.modules.", "torch.fx.")) for name in [named[1], *others]):
        return f"it holds a whole pickled model, {named[1]}, and reading that would run code"
    return f"it holds more than tensors: {named[1]}, which could be read only by running code"


def _flattened(content: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors of tables within tables and lists, each with its dotted name; a table in itself comes once."""
    seen: set[int] = set()
    waiting = [("", content)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value.detach()
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [(f"{name}.{key}" if name else str(key), item) for key, item in pairs]
            waiting += reversed(inner)
