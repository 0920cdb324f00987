"""What a grid of heads costs before any head is trained: a head's microseconds and bytes.

Run it with: python -m benchmarks.grids [HEADS]
"""

from __future__ import annotations

import argparse
import tracemalloc
from statistics import median

from benchmarks.timing import seconds
from mammo.heads.grid import count_heads, expand


def main() -> None:
    """Print the costs of counting and of expanding a grid of about so many heads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heads", type=int, nargs="?", default=10_000, help="heads of the grid (default: 10000)")
    heads_wanted = parser.parse_args().heads
    axes = {
        "pool": ["flatten", "gap"],
        "optimizer": ["adam", "nadam"],
        "lr": [1e-2, 1e-3, 1e-4, 1e-5],
        "hidden": [0, 32, 64, 128],
        "epochs": [50],
        "patience": [10],
        "seed": list(range(-(-heads_wanted // 64))),
    }
    heads = count_heads(axes)
    counting = median(seconds(lambda: count_heads(axes)) for _ in range(7))
    expanding = median(seconds(lambda: expand(axes)) for _ in range(7))
    tracemalloc.start()
    expanded = expand(axes)
    _, peak = tracemalloc.get_traced_memory()
    print(f"| {len(expanded):,} heads | {expanding / heads * 1e6:.1f} µs and {peak / heads:.0f} bytes a head |")
    print(f"| counted alone | {counting * 1e6:.0f} µs in all |")


if __name__ == "__main__":
    main()
