"""The verb `pretrain`: teach a mini trunk on synthetic lesions and write the weights that come with this package."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mammo.data.phantom import PATCH_FINDINGS
from mammo.errors import MammoError
from mammo.features.networks import IMAGENET_MEAN, IMAGENET_STD, Vgg16, resnet50
from mammo.features.precision import fast_precision
from mammo.features.syllabus import KINDS, PRETRAINING_SEED, Patches, Views, draw_patches, draw_views
from mammo.features.trunks import TRUNKS, TrunkKind
from mammo.features.weights import NOTES, SHIPPED
from mammo.files import whole_file, write_json
from mammo.progress import Progress, Work
from mammo.results.metrics import auc

Lessons: TypeAlias = tuple[Tensor, ...]
"""Tensors with an entry for each picture, the pictures first; those of rows and columns come last in their shape."""

BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
RARE = 4.0
"""Weight of a cell with a lesion against one without."""
HELD_OUT_PATCHES, HELD_OUT_VIEWS = 1000, 600


class Pupil(nn.Module):
    """A trunk and the heads that teach it, which are thrown away afterwards.

    `finding` names a patch's finding from the pooled map; `cell` says for each place of the map whether
    there is a mass or a calcification and how suspicious it is; `view` says for the pooled map how
    suspicious the worst lesion is, whether the view is malignant, and what kinds of lesions it holds.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.finding = nn.Linear(channels, len(PATCH_FINDINGS))
        self.cell = nn.Conv2d(channels, len(KINDS) + 1, 1)
        self.view = nn.Linear(channels, 2 + len(KINDS))

    def forward(self, pictures: Tensor) -> Tensor:
        """The trunk's last map of grey pictures (batch, rows, columns) in 0..1, which it sees as `Forward` has them."""
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        images = ((pictures.float()[:, None] - mean) / std).contiguous(memory_format=torch.channels_last)
        network: Any = self.network
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_precision() == "bfloat16"):
            maps: Tensor = network(images) if isinstance(network, Vgg16) else network.forward_features(images)
        return maps.float()
