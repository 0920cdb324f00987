"""The forward pass of a trunk, from pictures to activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mammo.errors import MammoError, first_line
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.networks import Trunk, fold_norms

BATCH = {"cpu": 32, "cuda": 64}
"""The most pictures in one batch, by the type of device; a larger batch does not fit into a processor's cache."""
MEMORY_DIVISOR = 4
"""The largest layer of a batch takes at most 1/MEMORY_DIVISOR of the free memory."""


def devices_of(name: str | None) -> list[torch.device]:
    """Return the devices for `name`: all GPUs for `cuda`; for None all GPUs, or the processor where there is none.

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
    """Return pictures as a tensor on a device; the copy to a GPU runs beside its computations."""
    tensor = torch.from_numpy(pictures)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def fitting_batch(forwards: Sequence[Forward], picture_bytes: int) -> int:
    """Return the largest batch, a power of two, that fits on every device.

    `picture_bytes` is the memory that the largest layer takes for one picture.
    """
    available = min(_free(forward.device) for forward in forwards) // MEMORY_DIVISOR
    fits: int = min(*(forward.batch for forward in forwards), available // max(1, picture_bytes))
    return 1 << max(0, fits.bit_length() - 1)


def _free(device: torch.device) -> int:
    """Return the free memory of a device in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


class Forward:
    """A frozen trunk on a device, which turns batches of pictures into activations in their stored type."""

    def __init__(self, trunk: Trunk, precision: str, device: torch.device) -> None:
        self.body = fold_norms(trunk.body).to(device).to(memory_format=torch.channels_last)
        self.device = device
        self.precision = PRECISIONS[precision]
        self.batch = BATCH.get(device.type, 32)
        if device.type == "cuda":
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.allow_tf32 = False  # TF32 would round float32
        self.mean = torch.tensor(trunk.mean, device=device).view(1, -1, 1, 1)
        self.std = torch.tensor(trunk.std, device=device).view(1, -1, 1, 1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # other streams do not wait for copies that are still running

    def map_shape(self, size: int) -> tuple[int, int, int]:
        """Return the shape (channels, rows, columns) of the maps for pictures of `size` pixels, by running one."""
        return self.measure_pass(size)[0]

    def measure_pass(self, size: int) -> tuple[tuple[int, int, int], int]:
        """Run one picture of `size` pixels; return the shape of its maps and the bytes of the largest layer.

        The bytes of a layer are those of its inputs and its output.
        """
        layer_bytes = [0]

        def record_bytes(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            layer_bytes.append(sum(item.nbytes for item in (*inputs, output) if isinstance(item, Tensor)))

        hooks = [
            layer.register_forward_hook(record_bytes) for layer in self.body.modules() if not list(layer.children())
        ]
        try:
            maps, _ = self(np.zeros((1, size, size), dtype=np.float32))
        finally:
            for hook in hooks:
                hook.remove()
        channels, rows, columns = maps.shape[1:]
        return (channels, rows, columns), max(layer_bytes)

    def __call__(self, pictures: NDArray[np.float32] | Tensor) -> tuple[NDArray[np.floating], NDArray[np.float32]]:
        """Return activations of pictures (n, size, size) in 0..1: maps (n, channels, rows, columns), and their means.

        Pictures pass in batches of `batch`, always divided in the same way, so that a chunk computed
        twice is the same to the last bit.
        """
        tensor = pictures if isinstance(pictures, Tensor) else on_device(pictures, self.device)
        parts = [self._batch(part) for part in torch.split(tensor, self.batch)]
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        return np.concatenate([maps.numpy() for maps, _ in parts]), np.concatenate(
            [pooled.numpy() for _, pooled in parts]
        )

    @torch.inference_mode()
    def _batch(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps and means of one batch; their copies to main memory may still be running."""
        images = ((grey[:, None] - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        computed = getattr(torch, self.precision.computed)
        with torch.autocast(self.device.type, computed, enabled=computed != torch.float32):
            maps = self.body(images)
        stored = maps.to(getattr(torch, self.precision.stored))
        pooled = stored.float().mean(dim=(2, 3))
        return stored.contiguous().to("cpu", non_blocking=True), pooled.to("cpu", non_blocking=True)
