"""How much memory and time a long manifest takes: `python -m benchmarks.manifests`."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from mammo.data.manifest.manifest import read_manifest

ROWS = 1_000_000
HEADER = "path,label,patient,breast,view,density"


def write_manifest(path: Path, rows: int) -> None:
    """Write a manifest of `rows` images, four a patient."""
    with path.open("w") as stream:
        stream.write(HEADER + "\n")
        for number in range(rows):
            patient, side, view = number // 4, "LR"[number % 2], ("CC", "MLO")[number // 2 % 2]
            label, density = "BM"[patient % 5 == 0], patient % 4 + 1
            stream.write(f"images/{number:07d}.png,{label},{patient},{side},{view},{density}\n")


def main() -> None:
    """Write a manifest, read it, and print the seconds and the most memory that the process held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the manifest (default: {ROWS:,})")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.csv"
        write_manifest(path, rows)
        started = time.monotonic()
        read = len(read_manifest(path).rows)
        seconds = time.monotonic() - started
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{read:,} rows read in {seconds:.1f} s, with at most {gigabytes:.2f} GB of memory")


if __name__ == "__main__":
    main()
