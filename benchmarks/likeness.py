"""How often different films are called near-duplicates, and how often altered copies of a film are found.

Films are phantoms of different patients, bare and with padding, and any pictures in a folder that `--films` names, such
as full films of CBIS-DDSM. Run: python -m benchmarks.likeness --films FOLDER
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.data.files.reading import read_image
from mammo.data.phantom import PhantomSpec, draw_patients, render_view
from mammo.data.splits.likeness import ALIKE, image_hash, likeness

Pixels = NDArray[np.unsignedinteger]
HEIGHT = 640


def padded(pixels: Pixels, left: float, right: float, value: int, ends: float = 0.0) -> Pixels:
    """A film between bands of one value, as shares of its own width, and of its height above and below."""
    rows, columns = pixels.shape
    wide = (round(rows * ends),) * 2, (round(columns * left), round(columns * right))
    return np.pad(pixels, wide, constant_values=value)


def jpeg(pixels: Pixels, quality: int = 75) -> Pixels:
    """A film saved as JPEG of 8 bits and opened again."""
    stream = io.BytesIO()
    Image.fromarray(eight_bit(pixels)).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def eight_bit(pixels: Pixels) -> Pixels:
    """A film at 8 bits."""
    return pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)


def scaled(pixels: Pixels, share: float) -> Pixels:
    """A film at another size."""
    size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
    return np.asarray(Image.fromarray(pixels.astype(np.float32)).resize(size, Image.Resampling.BOX)).astype(
        pixels.dtype
    )


def toned(pixels: Pixels, gamma: float, gain: float = 1.0) -> Pixels:
    """A film at another brightness and gamma."""
    white = np.iinfo(pixels.dtype).max
    return (np.clip(gain * (pixels / white) ** gamma, 0, 1) * white).astype(pixels.dtype)


def cut(pixels: Pixels, top: float, right: float) -> Pixels:
    """A film that lacks shares of its height and width."""
    rows, columns = pixels.shape
    return pixels[round(rows * top) :, : columns - round(columns * right)]


ALTERED: dict[str, Callable[[Pixels], Pixels]] = {
    "half the size": lambda film: scaled(film, 0.5),
    "a fifth of the size": lambda film: scaled(film, 0.2),
    "8 bits": eight_bit,
    "JPEG 75": jpeg,
    "JPEG 40": lambda film: jpeg(film, 40),
    "10 % brighter": lambda film: toned(film, 1, 1.1),
    "10 % darker": lambda film: toned(film, 1, 0.9),
    "gamma 0.8": lambda film: toned(film, 0.8),
    "gamma 1.25": lambda film: toned(film, 1.25),
    "cut by 2 %": lambda film: cut(film, 0.02, 0.02),
    "cut by 2 %, half the size, JPEG 75": lambda film: jpeg(scaled(cut(film, 0.02, 0.02), 0.5)),
    "mirrored": lambda film: film[:, ::-1],
    "mirrored, half the size, JPEG 75": lambda film: jpeg(scaled(film[:, ::-1], 0.5)),
    "black on both sides": lambda film: padded(film, 0.3, 0.5, 0),
    "white on the left": lambda film: padded(film, 0.4, 0, np.iinfo(film.dtype).max),
    "black all around, JPEG 75": lambda film: jpeg(padded(film, 0.2, 0.2, 0, 0.1)),
}
"""What may become of a copy of a film."""


def paddings(white: int) -> dict[str, Callable[[Pixels], Pixels]]:
    """Ways to fill a film up to a size, as collections do."""
    return {
        "bare": lambda film: film,
        "black left 40 %": lambda film: padded(film, 0.4, 0, 0),
        "black right 40 %": lambda film: padded(film, 0, 0.4, 0),
        "black both 30 %": lambda film: padded(film, 0.3, 0.3, 0),
        "white both 30 %": lambda film: padded(film, 0.3, 0.3, white),
        "white left 60 %": lambda film: padded(film, 0.6, 0, white),
        "black around 10 %": lambda film: padded(film, 0.1, 0.1, 0, 0.1),
        "white in black": lambda film: padded(padded(film, 0.1, 0.1, white, 0.05), 0.3, 0.3, 0),
    }


def phantoms(patients: int) -> tuple[list[Pixels], list[str]]:
    """Films of so many patients, and whose they are."""
    phantoms = draw_patients(PhantomSpec(3 * patients, 4, HEIGHT))[:patients]
    views = [(patient, breast, view) for patient in phantoms for breast in patient.breasts for view in ("CC", "MLO")]
    return [render_view(*view, HEIGHT).image for view in views], [patient.name for patient, _, _ in views]


def different(films: list[Pixels], owners: list[str]) -> list[list[object]]:
    """For each padding, how alike films of different patients are at most, and how many pairs pass."""
    rows = []
    another_patient = np.array(owners)[:, None] != np.array(owners)
    for name, pad in paddings(65535).items():
        hashes = [image_hash(pad(film)) for film in films]
        alike = likeness(hashes, hashes, ALIKE)
        assert np.allclose(alike, alike.T, atol=1e-5), "the comparison is not symmetric"
        values = alike[another_patient]
        top = np.quantile(values, [0.5, 0.999])
        rows.append(
            [
                name,
                len(values) // 2,
                *(f"{value:.2f}" for value in (*top, values.max())),
                int((values >= ALIKE).sum() // 2),
            ]
        )
    return rows


def copies(films: list[Pixels]) -> list[list[object]]:
    """For each alteration, how alike copies are at least, and how many are found."""
    hashes = [image_hash(film) for film in films]
    rows = []
    for name, alter in ALTERED.items():
        alike = np.array(
            [
                likeness([own_hash], [image_hash(alter(film))])[0, 0]
                for own_hash, film in zip(hashes, films, strict=True)
            ]
        )
        rows.append([name, len(alike), f"{alike.min():.2f}", f"{np.median(alike):.2f}", int((alike >= ALIKE).sum())])
    return rows


def mixed(real: list[Pixels], films: list[Pixels]) -> list[list[object]]:
    """For each padding, how alike different real films, and real films and phantoms, are at most."""
    everything = [eight_bit(film) for film in (*real, *films)]
    rows = []
    for name, pad in paddings(255).items():
        hashes = [image_hash(pad(film)) for film in everything]
        alike = likeness(hashes[: len(real)], hashes, ALIKE)
        alike = alike[np.eye(*alike.shape) == 0]
        rows.append([name, len(alike), f"{alike.max():.2f}", int((alike >= ALIKE).sum())])
    return rows


def show(title: str, header: list[str], rows: list[list[object]]) -> None:
    """Print a table of Markdown."""
    print(f"\n{title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--films", type=Path, help="a folder of real films")
    options = parser.parse_args()
    films, owners = phantoms(options.patients)
    real = [read_image(path).pixels for path in sorted(options.films.iterdir())] if options.films else []
    show(
        f"Phantoms of different patients, {ALIKE} is asked",
        ["padding", "pairs", "median", "99.9 %", "most alike", "called near-duplicates"],
        different(films, owners),
    )
    header = ["copy", "films", "least alike", "median", "found"]
    show("Copies of phantoms", header, copies(films[:40]))
    if real:
        show("Copies of real films", header, copies(real))
        header = ["padding", "pairs", "most alike", "called near-duplicates"]
        show("Different real films, and real films and phantoms", header, mixed(real, films[:40]))


if __name__ == "__main__":
    main()
