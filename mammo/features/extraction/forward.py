"""The trunk's forward pass: pictures in, activations out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mammo.errors import MammoError, first_line
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.networks import Trunk, folded

BATCH = {"cpu": 32, "cuda": 64}
"""The most pictures in one batch, by the type of device; on a processor more would leave its cache."""
SHARE = 4
"""A batch's largest step takes at most one part in so many of the memory that is free."""


def devices_of(name: str | None) -> list[torch.device]:
    """The device `name`; every GPU of this machine where it is `cuda`, or None and there is one; else the processor.

    Raises MammoError where torch has no such device here.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MammoError(f"There is no device {name!r} here ({first_line(error)}); choose cpu or cuda.") from None
    if device.type == "cuda" and device.index is None:
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return [device]


def on_device(pictures: NDArray[np.float32], device: torch.device) -> Tensor:
    """Pictures on a device; to a GPU they are copied while it works on others."""
    tensor = torch.from_numpy(pictures)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fitting_batch(forwards: Sequence[Forward], picture_bytes: int) -> int:
    """The largest power of two that every device has room for, where a picture's largest step takes `picture_bytes`."""
    room = min(_free(forward.device) for forward in forwards) // SHARE
    fits: int = min(*(forward.batch for forward in forwards), room // max(1, picture_bytes))
    return 1 << max(0, fits.bit_length() - 1)


def _free(device: torch.device) -> int:
    """Bytes of memory that a device has left."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


class Forward:
    """A frozen trunk on a device, ready to turn batches of pictures into stored activations."""

    def __init__(self, trunk: Trunk, precision: str, device: torch.device) -> None:
        self.body = folded(trunk.body).to(device).to(memory_format=torch.channels_last)
        self.device = device
        self.precision = PRECISIONS[precision]
        self.batch = BATCH.get(device.type, 32)
        if device.type == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32
        self.mean = torch.tensor(trunk.mean, device=device).view(1, -1, 1, 1)
        self.std = torch.tensor(trunk.std, device=device).view(1, -1, 1, 1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # streams of their own would not wait for what is still being copied

    def map_shape(self, size: int) -> tuple[int, int, int]:
        """The shape (channels, rows, columns) of the maps of pictures of `size` pixels, by running one."""
        return self.try_one(size)[0]

    def try_one(self, size: int) -> tuple[tuple[int, int, int], int]:
        """Run one picture of `size` pixels: the shape of its maps, and the bytes in and out of the largest step."""
        held = [0]

        def weigh(_: nn.Module, given: tuple[object, ...], made: object) -> None:
            held.append(sum(part.nbytes for part in (*given, made) if isinstance(part, Tensor)))

        steps = [part.register_forward_hook(weigh) for part in self.body.modules() if not list(part.children())]
        try:
            maps, _ = self(np.zeros((1, size, size), dtype=np.float32))
        finally:
            for step in steps:
                step.remove()
        channels, rows, columns = maps.shape[1:]
        return (channels, rows, columns), max(held)

    def __call__(self, pictures: NDArray[np.float32] | Tensor) -> tuple[NDArray[np.floating], NDArray[np.float32]]:
        """Activations of pictures (n, size, size) in 0..1: maps (n, channels, rows, columns), and their means.

        Pictures pass in batches of `batch`, always cut at the same places, so that a chunk computed
        twice is the same to the last bit.
        """
        there = pictures if isinstance(pictures, Tensor) else on_device(pictures, self.device)
        parts = [self._batch(part) for part in torch.split(there, self.batch)]
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        return np.concatenate([maps.numpy() for maps, _ in parts]), np.concatenate(
            [pooled.numpy() for _, pooled in parts]
        )

    @torch.inference_mode()
    def _batch(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Maps and means of one batch, on their way to main memory."""
        images = ((grey[:, None] - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        computed = getattr(torch, self.precision.computed)
        with torch.autocast(self.device.type, computed, enabled=computed != torch.float32):
            maps = self.body(images)
        stored = maps.to(getattr(torch, self.precision.stored))
        pooled = stored.float().mean(dim=(2, 3))
        return stored.contiguous().to("cpu", non_blocking=True), pooled.to("cpu", non_blocking=True)
