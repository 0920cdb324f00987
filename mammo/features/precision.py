"""The number formats in which a trunk's forward pass is computed, and the one that is fast on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Precision:
    """How activations are computed, and the type of number (by its name in numpy and torch) that is stored."""

    label: str
    computed: str
    stored: str


PRECISIONS: dict[str, Precision] = {
    "float32": Precision("32-bit floating point", "float32", "float32"),
    "bfloat16": Precision(
        "bfloat16 products, stored as float16 (which holds them to within 6e-8)", "bfloat16", "float16"
    ),
    "float16": Precision("float16 products: finer than bfloat16, in a smaller range", "float16", "float16"),
}


def fast_precision() -> str:
    """Return `bfloat16` where the processor or an NVIDIA GPU computes it in hardware, else `float32`."""
    if Path("/dev/nvidia0").exists():
        return "bfloat16"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "float32"
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"
