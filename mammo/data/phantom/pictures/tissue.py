"""Breast tissue: power-law parenchyma, fat against glandular tissue, fibrous strands and vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import fft

from mammo.data.phantom.pictures.arrays import Field, as_field

SPECTRAL_EXPONENT = 3.0
"""Power spectrum 1/f³ of mammographic parenchyma (Burgess, Jacobson and Judy, Medical Physics 28, 2001)."""

FAT = 0.40
GLAND_GAIN = 0.25
_GLAND_BIAS = {1: -2.4, 2: -1.3, 3: -0.3, 4: 0.8}
_SHARPNESS = 1.6


@dataclass(frozen=True)
class PixelGrid:
    """A window of pixels: its shape, and the height of a full film in pixels at the same scale."""

    rows: int
    columns: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


def power_law_field(
    rng: np.random.Generator,
    grid: PixelGrid,
    largest: float = 0.4,
    stretch: tuple[float, float] = (1.0, 1.0),
    exponent: float = SPECTRAL_EXPONENT,
) -> Field:
    """Return a Gaussian field of unit variance whose power falls as 1/f^exponent below structures of size `largest`.

    `largest` is in film heights; `stretch` lengthens structures along rows and columns. The field is periodic over
    slightly more than the grid.
    """
    rows, columns = fft.next_fast_len(grid.rows, real=True), fft.next_fast_len(grid.columns, real=True)
    scale = 2 * largest * grid.height
    row_cycles = as_field(np.fft.fftfreq(rows)[:, None] * scale * stretch[0])
    column_cycles = as_field(np.fft.rfftfreq(columns)[None, :] * scale * stretch[1])
    amplitude = (1 + row_cycles**2 + column_cycles**2) ** np.float32(-exponent / 4)
    amplitude[0, 0] = 0
    noise = rng.standard_normal((*amplitude.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field = as_field(fft.irfft2(noise * amplitude, s=(rows, columns))[: grid.rows, : grid.columns])
    return as_field((field - field.mean()) / float(field.std()))


def parenchyma(rng: np.random.Generator, grid: PixelGrid, prior: Field, density: int) -> Field:
    """Return the brightness of uncompressed tissue, about 0.3 to 0.8, in the grid's shape.

    `prior` is near 1 where glandular tissue is likely and falls below 0 away from it; `density` is the BI-RADS
    density, 1 (fatty) to 4 (extremely dense).
    """
    texture = power_law_field(rng, grid, largest=0.25)
    lobules = power_law_field(rng, grid, largest=0.3, exponent=4.4)
    glandular = _squash(_SHARPNESS * (lobules + 0.25 * texture + 1.3 * prior + _GLAND_BIAS[density]))
    lines = strands(rng, grid)
    return as_field(FAT + GLAND_GAIN * glandular + (1 + glandular) * (0.02 * texture + 0.06 * lines))


def strands(rng: np.random.Generator, grid: PixelGrid) -> Field:
    """Return curved bright lines in 0..1, mostly along the columns: Cooper's ligaments and ducts.

    They are the zero crossings of a stretched power-law field, thinned out by a shifted copy of the field.
    """
    field = power_law_field(rng, grid, largest=0.028, stretch=(1.0, 2.6), exponent=5.5)
    ridges = np.exp(-((field / np.float32(0.11)) ** 2))
    elsewhere = np.roll(field, (grid.rows // 3, grid.columns // 3), (0, 1))
    return as_field(ridges * _squash(1.5 * elsewhere - 0.3))


def vessels(rng: np.random.Generator, grid: PixelGrid, number: int) -> Field:
    """Return a few winding lines in 0..1 from the chest wall toward the nipple."""
    canvas = Image.new("L", (grid.columns, grid.rows))
    draw = ImageDraw.Draw(canvas)
    for _ in range(number):
        draw.line(_winding(rng, grid), fill=int(rng.integers(110, 255)), width=_thickness(rng, grid), joint="curve")
    blurred = canvas.filter(ImageFilter.GaussianBlur(0.0016 * grid.height))
    return as_field(np.asarray(blurred)) / np.float32(255)


def _winding(rng: np.random.Generator, grid: PixelGrid) -> list[tuple[float, float]]:
    steps = np.linspace(0, 1, 40)
    length = rng.uniform(0.5, 0.9) * grid.columns
    bend = sum(rng.normal(0, 0.03 / wave) * np.sin(wave * 5 * steps + rng.uniform(0, 6)) for wave in (1, 2, 4))
    start, slope = rng.uniform(0.15, 0.85), rng.uniform(-0.25, 0.25)
    x, y = length * steps, grid.height * (start + slope * steps * length / grid.height + bend)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _thickness(rng: np.random.Generator, grid: PixelGrid) -> int:
    return max(1, round(grid.height * float(rng.uniform(0.0015, 0.005))))


def _squash(values: Field) -> Field:
    return as_field(1 / (1 + np.exp(-values)))
