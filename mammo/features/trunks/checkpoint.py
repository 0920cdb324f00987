"""Read weights files of all common kinds without running any code that they contain."""

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
"""Harmless types that trainers save beside tensors, by module. A stand-in replaces them: none is ever created."""
CONTAINERS: dict[str, Callable[..., Any]] = {
    "collections.defaultdict": lambda *_: {},
    "collections.deque": lambda *_: [],
    "pytorch_lightning.utilities.parsing.AttributeDict": dict,
    "lightning_fabric.utilities.data.AttributeDict": dict,
    "lightning.fabric.utilities.data.AttributeDict": dict,
    "lightning.pytorch.utilities.parsing.AttributeDict": dict,
}
"""Container types, each with the function that makes the plain dict or list that replaces it."""

FOREIGN_STARTS = {
    b"\x89HDF": "it is an HDF5 file, as Keras writes",
    b"version https://git-lfs": "it is a Git LFS pointer: the file itself was not fetched",
    b"<": "it is a web page or XML: the file itself was not fetched",
    b"ustar": "it is a tar archive",
    b"\x1f\x8b": "it is a gzip archive: unpack it first",
}
"""The first bytes of files that are not weights, each with the reason given in the error message."""
DAMAGED = "it is damaged or cut short, or no file of tensors"
SCRIPT = "it is TorchScript, which is code as well as tensors"
NEWER = "it is pickled by a protocol that may hold more than tensors and is not read without running code"
NEW_PROTOCOL = 0x95
"""The first opcode (FRAME) of a pickle of protocol 4 or 5, after the protocol's number."""
REMEDIES = "give a .safetensors file, or a state dict saved with torch.save(model.state_dict(), FILE)"


class _StandIn:
    """Replaces an object of a harmless type: it accepts any arguments and does nothing."""

    def __new__(cls, *_: object, **__: object) -> _StandIn:
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """Ignore the state."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a weights file by name; the name of a nested tensor is the dotted path of its tables.

    The format is recognised by the content, not by the suffix. Raises MammoError where the file is damaged, has no
    tensors, or could be read only by running code.
    """
    content = _read(path)
    if isinstance(content, Tensor) or not isinstance(content, dict | list | tuple):
        raise unreadable(path, "it holds no table of tensors")
    return dict(_flatten(content))


def unreadable(path: Path, reason: str) -> MammoError:
    """Return the error for a file that cannot be read, with the reason and what the user can do."""
    return MammoError(f"The weights file {path} cannot be read ({reason}); {REMEDIES}.")


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise unreadable(path, f"it cannot be opened: {(error.strerror or 'no reason is given').lower()}") from None
    if not start:
        raise unreadable(path, "it is empty")
    for beginning, reason in FOREIGN_STARTS.items():
        if start.startswith(beginning) or (beginning == b"ustar" and start[257:262] == beginning):
            raise unreadable(path, reason)
    return _read_safetensors(path) if start[8:9] == b"{" else _read_pickle(path)


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError):
        raise unreadable(path, DAMAGED) from None


def _read_pickle(path: Path) -> Any:
    """Read what torch.save wrote, with torch's own restricted reader of tensors and plain values."""
    archive = zipfile.is_zipfile(path)
    if archive and _is_script(path):
        raise unreadable(path, SCRIPT)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_stand_ins()):
            warnings.simplefilter("ignore")  # torch's warnings name options of torch that users do not have
            return torch.load(path, "cpu", weights_only=True, mmap=archive)
    except UnpicklingError as error:
        raise unreadable(path, _refusal_reason(path, str(error))) from None
    except Exception as error:  # damaged files raise many kinds of errors
        raise unreadable(path, SCRIPT if "TorchScript" in str(error) else DAMAGED) from None


def _stand_ins() -> list[Any]:
    """Return the types that may be saved beside tensors: pairs of a replacement and the type's full name."""
    import numpy as np

    names = [f"{module}.{name}" for module, types in HARMLESS.items() for name in types]
    names += [f"numpy.dtypes.{name}" for name in dir(np.dtypes) if name.endswith("DType")]
    return [*((_StandIn, name) for name in names), *((replacement, name) for name, replacement in CONTAINERS.items())]


def _is_script(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") or "/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _refusal_reason(path: Path, message: str) -> str:
    """Return why torch's reader refused a file, naming the type in it that is no tensor."""
    refused_type = re.search(r"GLOBAL ([\w.]+)", message)
    if refused_type is None:
        return NEWER if f"operand {NEW_PROTOCOL}" in message else DAMAGED
    try:
        unsafe_types = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # works for archives only; damaged ones raise many kinds of errors
        unsafe_types = []
    if any(name.startswith(("torch.nn.modules.", "torch.fx.")) for name in [refused_type[1], *unsafe_types]):
        return f"it holds a whole pickled model, {refused_type[1]}, and reading that would run code"
    return f"it holds more than tensors: {refused_type[1]}, which could be read only by running code"


def _flatten(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of nested tables and lists by dotted name; a table that contains itself is read once."""
    visited: set[int] = set()
    pending = [("", content)]
    while pending:
        name, value = pending.pop()
        if isinstance(value, Tensor):
            yield name, value.detach()
        elif isinstance(value, dict | list | tuple) and id(value) not in visited:
            visited.add(id(value))
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            nested = [(f"{name}.{key}" if name else str(key), item) for key, item in pairs]
            pending += reversed(nested)
