"""The compressed breast on the film: outline, nipple and pectoral muscle, chest wall at column 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from mammo.data.phantom.pictures.arrays import Field, as_field
from mammo.data.phantom.pictures.tissue import PixelGrid


@dataclass(frozen=True)
class Proportions:
    """A breast's proportions in film heights, equal in both of its views.

    `projection` is the distance from chest wall to nipple, `half` is half the breast's height on the film.
    """

    projection: float
    half: float
    lower_fullness: float
    profile_nipple: bool


@dataclass(frozen=True)
class Outline:
    """A view's skin line: `reach` is its distance from the chest wall in every row, in pixels.

    `muscle` gives the two ends of the pectoral edge in pixels: the column in row 0 and the row in column 0; None where
    no muscle is on the film.
    """

    reach: Field
    nipple_row: float
    upper: float
    lower: float
    muscle: tuple[float, float] | None

    @property
    def nipple_column(self) -> float:
        """Distance of the nipple from the chest wall, in pixels."""
        return float(self.reach[int(self.nipple_row)])

    def depth(self, columns: int) -> Field:
        """Return every pixel's distance from the skin, in pixels, negative outside; first order in the slope."""
        slope = np.gradient(gaussian_filter1d(self.reach, 0.03 * len(self.reach)))
        across = self.reach[:, None] - np.arange(columns, dtype=np.float32)[None, :]
        return across / as_field(np.sqrt(1 + slope**2))[:, None]


def draw_proportions(rng: np.random.Generator, aspect: float) -> Proportions:
    """Draw proportions that leave space for labels on a film whose width is `aspect` times its height."""
    size = float(rng.normal(0, 1))
    projection = float(np.clip(0.37 + 0.06 * size + 0.03 * rng.standard_normal(), 0.22, 0.72 * aspect))
    half = float(np.clip(0.33 + 0.035 * size + 0.02 * rng.standard_normal(), 0.24, 0.41))
    return Proportions(projection, half, float(rng.uniform(-0.1, 0.15)), bool(rng.random() < 0.6))


def draw_outline(rng: np.random.Generator, proportions: Proportions, view: str, height: int) -> Outline:
    """Draw the skin line of `view` ("CC" or "MLO") for a film of `height` pixel rows."""
    rows = np.linspace(0, 1, height, dtype=np.float32)
    shape = _craniocaudal if view == "CC" else _mediolateral_oblique
    reach, nipple, upper, lower, muscle = shape(rng, proportions, rows)
    reach = reach + _wobble(rng, rows) * np.minimum(1, reach / 0.1)
    if proportions.profile_nipple:
        reach = reach + 0.014 * np.exp(-(((rows - nipple) / 0.011) ** 2))
    smooth = gaussian_filter1d(reach, 0.004 * height) * height
    edge = None if muscle is None else (muscle[0] * height, muscle[1] * height)
    return Outline(smooth.astype(np.float32), nipple * height, upper * height, lower * height, edge)


def glandular_prior(rng: np.random.Generator, outline: Outline, grid: PixelGrid, density: int) -> Field:
    """Return the prior of fibroglandular tissue: 1 in the disc behind the nipple, decreasing away from it."""
    back = outline.nipple_column * float(rng.uniform(0.5, 0.62))
    row = outline.nipple_row - float(rng.uniform(-0.01, 0.06)) * grid.height
    deep, tall = outline.nipple_column * (0.36 + 0.04 * density), outline.upper * (0.5 + 0.07 * density)
    rows, columns = _axes(grid)
    return as_field(1 - ((columns - back) / deep) ** 2 - ((rows - row) / tall) ** 2)


def muscle_shade(outline: Outline, grid: PixelGrid) -> Field:
    """Return the share of every pixel under the pectoral muscle, 0 to 1, with a soft convex edge."""
    if outline.muscle is None:
        return np.zeros(grid.shape, np.float32)
    rows, columns = _axes(grid)
    across, down = outline.muscle
    inside = 1 - columns / across - rows / down + 0.35 * columns * rows / (across * down)
    pixels = inside * (across * down / np.hypot(across, down))
    return as_field(1 / (1 + np.exp(-np.clip(pixels / np.float32(0.007 * grid.height), -30, 30))))


def _craniocaudal(
    rng: np.random.Generator, proportions: Proportions, rows: Field
) -> tuple[Field, float, float, float, tuple[float, float] | None]:
    nipple = 0.5 + float(rng.uniform(-0.06, 0.06))
    upper = proportions.half * (1 + float(rng.uniform(-0.08, 0.08)))
    lower = proportions.half * (1 + float(rng.uniform(-0.08, 0.08)))
    reach = _dome(rows, nipple, upper, lower) * proportions.projection
    reach = gaussian_filter1d(reach, 0.02 * len(rows)) + _fold(rng, rows, nipple, upper, lower)
    return reach.astype(np.float32), nipple, upper, lower, None


def _mediolateral_oblique(
    rng: np.random.Generator, proportions: Proportions, rows: Field
) -> tuple[Field, float, float, float, tuple[float, float] | None]:
    nipple = 0.57 + proportions.lower_fullness * 0.4 + float(rng.uniform(-0.03, 0.03))
    lower = min(proportions.half * 0.92, 0.955 - nipple)
    upper = min(proportions.half * 1.35, nipple - 0.02)
    breast = _dome(rows, nipple, upper, lower) * proportions.projection
    arm = float(rng.uniform(0.07, 0.21))
    knots = (0.0, nipple - 0.55 * upper, nipple, 1.0)
    axilla = PchipInterpolator(
        knots, (arm, max(arm, 0.12) + 0.35 * proportions.projection, 0.6 * proportions.projection, 0.0)
    )(rows)
    belly = 0.035 * float(rng.uniform(0, 1)) * (rows > nipple)
    reach = gaussian_filter1d(_smooth_maximum(breast, np.maximum(axilla, belly)), 0.014 * len(rows))
    muscle = (min(arm + float(rng.uniform(0.02, 0.12)), 0.28), float(rng.uniform(0.35, 0.62)))
    return reach.astype(np.float32), nipple, upper, lower, muscle


def _dome(rows: Field, middle: float, upper: float, lower: float) -> Field:
    """Return a profile like half an ellipse: 1 at `middle`, 0 at `upper` above and `lower` below it."""
    away = np.where(rows < middle, (middle - rows) / upper, (rows - middle) / lower)
    return as_field(np.maximum(0, 1 - away**2.15) ** 0.62)


def _fold(rng: np.random.Generator, rows: Field, nipple: float, upper: float, lower: float) -> Field:
    """Return the reach of the skin along the chest wall, above and below the breast."""
    beyond = np.where(rows < nipple, nipple - upper - rows, rows - nipple - lower)
    width = float(rng.uniform(0.02, 0.06))
    return (width * np.exp(-np.clip(np.abs(beyond) / 0.09, 0, 20))).astype(np.float32)


def _wobble(rng: np.random.Generator, rows: Field) -> Field:
    waves = [rng.normal(0, 0.005 / wave) * np.sin(wave * 7 * rows + rng.uniform(0, 6)) for wave in (1, 2, 4)]
    return as_field(np.sum(waves, axis=0))


def _smooth_maximum(first: Field, second: Field, width: float = 0.02) -> Field:
    return as_field(width * np.logaddexp(first / width, second / width))


def _axes(grid: PixelGrid) -> tuple[Field, Field]:
    return np.arange(grid.rows, dtype=np.float32)[:, None], np.arange(grid.columns, dtype=np.float32)[None, :]
