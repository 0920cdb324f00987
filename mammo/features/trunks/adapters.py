"""Load the tensors of a weights file into a network: which tensors it needs, and the names they may have there."""

from __future__ import annotations

import copy
import inspect
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mammo.features.trunks.checkpoint import read_tensors
from mammo.features.trunks.state_dicts import COUNTER, LoadedTensors, NeededTensors, Translation, fit_tensors
from mammo.features.trunks.table import ANY_TIMM

FILTERS = ("checkpoint_filter_fn", "_filter_fn", "pretrained_filter_fn", "_filter_torchvision_pretrained")
"""Names that timm's modules give to the function that translates tensor names of other projects' files."""


def load_weights(network: nn.Module, path: Path, trunk: str) -> None:
    """Load into `network` the tensors that it needs from a weights file; other tensors of the file are ignored.

    Raises MammoError where the file cannot be read without running code or its tensors are not the trunk's.
    """
    network.load_state_dict(read_weights(network, path, trunk).tensors, strict=False)


def read_weights(network: nn.Module, path: Path, trunk: str) -> LoadedTensors:
    """Return the tensors of a weights file that `network` needs for its maps, and notes on how they were read.

    Raises the errors of `load_weights`.
    """
    return fit_tensors(path, read_tensors(path), _needed_tensors(network, trunk))


def _needed_tensors(network: nn.Module, trunk: str) -> NeededTensors:
    used = _used_parts(network, trunk)
    shapes = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith(COUNTER) and name.split(".")[0] in used
    }
    return NeededTensors(trunk, shapes, _alternative_names(network, shapes), _translations(network, trunk))


def _used_parts(network: nn.Module, trunk: str) -> set[str]:
    """Return the names of the network's parts that the last map depends on; a timm model has further layers behind it.

    The model is run on the meta device, which computes no numbers; where that fails, all parts count as used.
    """
    all_parts = {name.split(".")[0] for name in network.state_dict()}
    if not trunk.startswith(ANY_TIMM):
        return all_parts
    model: Any = copy.deepcopy(network).to("meta").eval()
    called: set[str] = set()
    for first, part in model.named_children():
        for module in part.modules():
            module.register_forward_hook(lambda *_, first=first: called.add(first))
    try:
        model.forward_features(torch.empty(1, *model.default_cfg["input_size"], device="meta"))
    except Exception:  # models raise many kinds of errors
        return all_parts
    return all_parts & (called | {name for name, _ in model.named_parameters(recurse=False)})


def _alternative_names(network: nn.Module, shapes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, str]]:
    """Return, by a note in words, the names that tensors have in an nn.Sequential of the parts, or of the only part."""
    numbers = {name: str(number) for number, (name, _) in enumerate(network.named_children())}
    if not all(name.split(".")[0] in numbers for name in shapes):
        return {}
    split_names = [(name, *name.split(".", maxsplit=1)) for name in shapes]
    order = ", ".join(f"{numbers[first]} is {first}" for first in dict.fromkeys(first for _, first, _ in split_names))
    alternatives = {
        f"numbered parts were named ({order})": {
            name: f"{numbers[first]}.{remainder}" for name, first, remainder in split_names
        }
    }
    if len({first for _, first, _ in split_names}) == 1:
        alternatives[f"tensors were named as those of {split_names[0][1]}"] = {
            name: remainder for name, _, remainder in split_names
        }
    return alternatives


def _translations(network: nn.Module, trunk: str) -> dict[str, Translation]:
    """Return timm's own translation of tensor names for a model, by a note in words, where timm has one."""
    if not trunk.startswith(ANY_TIMM):
        return {}
    module = sys.modules[type(network).__module__]
    functions = [getattr(module, name) for name in FILTERS if hasattr(module, name)]
    return {"names were translated by timm": _filter_translation(functions[0], network)} if functions else {}


def _filter_translation(function: Any, network: nn.Module) -> Translation:
    model = [network] if len(inspect.signature(function).parameters) > 1 else []
    return lambda tensors: function(tensors, *model)
