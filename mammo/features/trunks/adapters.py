"""A network given the tensors of a weights file: what it needs of them, and under which names they may stand."""

from __future__ import annotations

import copy
import inspect
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mammo.features.trunks.checkpoint import read_tensors
from mammo.features.trunks.state_dicts import COUNTER, Fitted, Translation, Wanted, fitted
from mammo.features.trunks.table import ANY_TIMM

FILTERS = ("checkpoint_filter_fn", "_filter_fn", "pretrained_filter_fn", "_filter_torchvision_pretrained")
"""What timm's modules call the functions that translate the names of other people's files."""


def load_weights(network: nn.Module, path: Path, trunk: str) -> None:
    """Give `network` the tensors of a weights file, whatever was put around them; all others are passed over.

    Raises MammoError where the file cannot be read without running code or its tensors are not the trunk's.
    """
    network.load_state_dict(read_weights(network, path, trunk).tensors, strict=False)


def read_weights(network: nn.Module, path: Path, trunk: str) -> Fitted:
    """The tensors of a weights file that `network` needs for its maps, and how they were read; errors as above."""
    return fitted(path, read_tensors(path), _wanted(network, trunk))


def _wanted(network: nn.Module, trunk: str) -> Wanted:
    used = _used(network, trunk)
    shapes = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith(COUNTER) and name.split(".")[0] in used
    }
    return Wanted(trunk, shapes, _other_names(network, shapes), _translations(network, trunk))


def _used(network: nn.Module, trunk: str) -> set[str]:
    """The first words of the tensors that reach the last map: a timm model keeps layers behind it that do not.

    Found by running the model without numbers; where it does not run so, all are taken to be used.
    """
    everything = {name.split(".")[0] for name in network.state_dict()}
    if not trunk.startswith(ANY_TIMM):
        return everything
    model: Any = copy.deepcopy(network).to("meta").eval()
    called: set[str] = set()
    for first, part in model.named_children():
        for module in part.modules():
            module.register_forward_hook(lambda *_, first=first: called.add(first))
    try:
        model.forward_features(torch.empty(1, *model.default_cfg["input_size"], device="meta"))
    except Exception:  # models raise whatever they like of what they cannot do
        return everything
    return everything & (called | {name for name, _ in model.named_parameters(recurse=False)})


def _other_names(network: nn.Module, shapes: dict[str, tuple[int, ...]]) -> dict[str, dict[str, str]]:
    """The names that tensors get in an nn.Sequential of a network's parts, or of the only part that has any."""
    numbers = {name: str(number) for number, (name, _) in enumerate(network.named_children())}
    if not all(name.split(".")[0] in numbers for name in shapes):
        return {}
    parts = [(name, *name.split(".", maxsplit=1)) for name in shapes]
    order = ", ".join(f"{numbers[first]} is {first}" for first in dict.fromkeys(first for _, first, _ in parts))
    named = {f"numbered parts were named ({order})": {name: f"{numbers[first]}.{rest}" for name, first, rest in parts}}
    if len({first for _, first, _ in parts}) == 1:
        named[f"tensors were named as those of {parts[0][1]}"] = {name: rest for name, _, rest in parts}
    return named


def _translations(network: nn.Module, trunk: str) -> dict[str, Translation]:
    """timm's own translation of other people's names into those of a model, where it has one."""
    if not trunk.startswith(ANY_TIMM):
        return {}
    module = sys.modules[type(network).__module__]
    filters = [getattr(module, name) for name in FILTERS if hasattr(module, name)]
    return {"names were translated by timm": _filtering(filters[0], network)} if filters else {}


def _filtering(function: Any, network: nn.Module) -> Translation:
    model = [network] if len(inspect.signature(function).parameters) > 1 else []
    return lambda tensors: function(tensors, *model)
