"""The scanned film: fog, grain, scanner streaks, labels, tape, borders and dust."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mammo.data.phantom.pictures.arrays import Field, Pixels, as_field

FOG = 0.009
GRAIN = 0.0075
WATERMARK = "PHANTOM"


def expose(rng: np.random.Generator, tissue: Field, shape: tuple[int, int]) -> Field:
    """Return a film of `shape` with the developed tissue, chest wall at column 0."""
    film = rng.standard_normal(shape, dtype=np.float32)
    film *= np.float32(0.0025)
    film += np.float32(FOG * rng.uniform(0.6, 1.4))
    film[:, : tissue.shape[1]] += develop(rng, tissue)
    return film


def develop(rng: np.random.Generator, tissue: Field) -> Field:
    """Return tissue as a film shows it, 0 to about 1: a soft shoulder at the top, grain that grows with brightness."""
    bent = _shoulder(tissue)
    grain = rng.standard_normal(tissue.shape, dtype=np.float32)
    return as_field(bent + grain * (np.float32(GRAIN) * np.minimum(1, 3 * bent)))


def add_artefacts(rng: np.random.Generator, film: Field, side: str, view: str) -> None:
    """Add the marks of a clinic and a scanner to a film, in place; the film must already be turned to its side."""
    chest_left = float(film[:, :8].mean()) > float(film[:, -8:].mean())
    _streaks(rng, film)
    _label(rng, film, f"{side[0]} {view}", chest_left)
    _chest_strip(rng, film, chest_left)
    if rng.random() < 0.2:
        _tape(rng, film, chest_left)
    if rng.random() < 0.2:
        _frame(rng, film)
    if rng.random() < 0.15:
        _scratch(rng, film)
    _dust(rng, film)


def digitise(film: Field) -> Pixels:
    """Return brightness 0 to 1 as 16-bit pixels."""
    scaled = np.clip(film, 0, 1) * np.float32(65535)
    return np.asarray(scaled + np.float32(0.5), dtype=np.uint16)


def _shoulder(values: Field, knee: float = 0.66, top: float = 0.96) -> Field:
    """Return values below `knee` unchanged; those above approach `top` smoothly, as on a saturated film."""
    span = top - knee
    above = np.maximum(values - knee, 0)
    return as_field(np.minimum(values, knee) + span * (1 - np.exp(-above / span)))


def _streaks(rng: np.random.Generator, film: Field) -> None:
    columns = rng.integers(0, film.shape[1], size=int(rng.integers(1, 5)))
    film[:, columns] += rng.normal(0, 0.004, len(columns)).astype(np.float32)
    band = np.sin(np.linspace(0, rng.uniform(1, 4), film.shape[0], dtype=np.float32) + rng.uniform(0, 6))
    film += (0.002 * band)[:, None]


def _label(rng: np.random.Generator, film: Field, text: str, chest_left: bool) -> None:
    """Add lead letters or a paper label in the upper corner away from the chest wall."""
    paper = bool(rng.random() < 0.35)
    canvas = np.asarray(
        _lettering(text, film.shape[0], paper).rotate(float(rng.normal(0, 4)), Image.Resampling.BICUBIC, expand=True),
        np.float32,
    )
    if rng.random() < 0.35:
        canvas = np.rot90(canvas, 1 if chest_left else 3)
    rows, columns = canvas.shape
    if columns > 0.5 * film.shape[1]:
        return
    edge = int(film.shape[1] * rng.uniform(0.03, 0.09))
    left = film.shape[1] - columns - edge if chest_left else edge
    top = int(film.shape[0] * rng.uniform(0.02, 0.07))
    corner = film[top : top + rows, left : left + columns]
    ink = canvas[: corner.shape[0], : corner.shape[1]] * np.float32(rng.uniform(0.75, 0.97) / 255)
    np.maximum(corner, ink, out=corner)


@lru_cache(maxsize=64)
def _lettering(text: str, height: int, paper: bool) -> Image.Image:
    """Draw the view's letters above the word PHANTOM, bright on dark, or dark on bright paper."""
    large, small = _font(round(height / 17)), _font(round(height / 42))
    boxes = [font.getbbox(words) for font, words in ((large, text), (small, WATERMARK))]
    margin = height // 90
    width = int(max(box[2] for box in boxes)) + 2 * margin
    canvas = Image.new("L", (width, int(boxes[0][3] + boxes[1][3]) + 3 * margin), 235 if paper else 0)
    draw = ImageDraw.Draw(canvas)
    ink = 45 if paper else 250
    draw.text((margin, margin), text, fill=ink, font=large)
    draw.text((margin, 2 * margin + boxes[0][3]), WATERMARK, fill=ink, font=small)
    return canvas


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(7, size))


def _chest_strip(rng: np.random.Generator, film: Field, chest_left: bool) -> None:
    """Add the film's bright edge along the chest wall, slightly oblique."""
    if rng.random() < 0.25:
        return
    rows, columns = film.shape
    wide = columns * rng.uniform(0.004, 0.02)
    edge = wide + np.linspace(-0.5, 0.5, rows) * columns * rng.normal(0, 0.012)
    span = int(edge.max() + 0.05 * columns) + 1
    across = np.arange(span)[None, :] - edge[:, None]
    glow = np.where(across < 0, 1.0, 0.35 * np.exp(-np.maximum(across, 0) / (0.008 * columns))).astype(np.float32)
    strip = film[:, :span] if chest_left else film[:, ::-1][:, :span]
    np.maximum(strip, strip + glow * (0.97 - strip), out=strip)


def _tape(rng: np.random.Generator, film: Field, chest_left: bool) -> None:
    rows, columns = film.shape
    height, width = int(rows * rng.uniform(0.012, 0.03)), int(columns * rng.uniform(0.15, 0.4))
    top = int(rows * rng.choice((0.005, 0.96)))
    left = columns - width if chest_left else 0
    film[top : top + height, left : left + width] += np.float32(rng.uniform(0.08, 0.3))


def _frame(rng: np.random.Generator, film: Field) -> None:
    """Add white borders, where the scanner sees past the film."""
    rows, columns = film.shape
    for border in (film[: int(rows * rng.uniform(0, 0.012))], film[rows - int(rows * rng.uniform(0, 0.012)) :]):
        border[:] = 0.985
    for border in (
        film[:, : int(columns * rng.uniform(0, 0.02))],
        film[:, columns - int(columns * rng.uniform(0, 0.02)) :],
    ):
        border[:] = 0.985


def _scratch(rng: np.random.Generator, film: Field) -> None:
    rows, columns = film.shape
    length = int(rows * rng.uniform(0.1, 0.4))
    row = int(rng.integers(0, rows - length)) + np.arange(length)
    column = rng.integers(0, columns) + rng.normal(0, 0.1) * np.arange(length)
    film[row, np.clip(column, 0, columns - 1).astype(np.intp)] += np.float32(rng.uniform(-0.06, 0.1))


def _dust(rng: np.random.Generator, film: Field) -> None:
    number = int(rng.integers(3, 25))
    rows, columns = rng.integers(0, film.shape[0], number), rng.integers(0, film.shape[1], number)
    film[rows, columns] += rng.uniform(0.04, 0.4, number).astype(np.float32)
