"""One mammogram: the breast, its lesions and the film combined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo.data.phantom.patients.anatomy import Breast, Lesion, Patient
from mammo.data.phantom.patients.randomness import generator
from mammo.data.phantom.pictures import calcifications, masses
from mammo.data.phantom.pictures.arrays import Field, Mask, Pixels, as_field
from mammo.data.phantom.pictures.breast import Outline, draw_outline, draw_proportions, glandular_prior, muscle_shade
from mammo.data.phantom.pictures.film import add_artefacts, digitise, expose
from mammo.data.phantom.pictures.lesions import Stamp, add_stamp
from mammo.data.phantom.pictures.tissue import PixelGrid, parenchyma, vessels

_MIRRORED = 0.08


@dataclass(frozen=True)
class View:
    """A rendered mammogram, (height, width) uint16, and every lesion visible in it with a mask of the same shape."""

    image: Pixels
    lesions: tuple[tuple[Lesion, Mask], ...]


def render_view(patient: Patient, breast: Breast, view: str, height: int) -> View:
    """Render `view` ("CC" or "MLO") of one of the patient's breasts, `height` pixel rows tall."""
    width = round(height * patient.aspect)
    proportions = draw_proportions(generator(patient.seed, patient.index, breast.side, "build"), patient.aspect)
    rng = generator(patient.seed, patient.index, breast.side, view, "pixels")
    outline = draw_outline(rng, proportions, view, height)
    grid = PixelGrid(height, min(width, int(outline.reach.max()) + 4), height)
    tissue = _flesh(rng, outline, grid, patient.density)
    masks = [_implant(tissue, outline, lesion, patient, breast, view) for lesion in breast.lesions_in(view)]
    film = expose(rng, tissue * _thickness(rng, outline, grid), (height, width))
    mirrored = (breast.side == "RIGHT") != (rng.random() < _MIRRORED)
    film = np.ascontiguousarray(film[:, ::-1]) if mirrored else film
    add_artefacts(rng, film, breast.side, view)
    widened = (_widen(mask, width, mirrored) for mask in masks)
    return View(digitise(film), tuple(zip(breast.lesions_in(view), widened, strict=True)))


def lesion_contrast(kind: str, subtlety: int, density: int) -> float:
    """Return the brightness that a lesion adds at its centre: by subtlety (5 is obvious), less in dense breasts."""
    table = masses.CONTRAST if kind == "mass" else calcifications.CONTRAST
    return table[subtlety] * (1.15 - 0.07 * density)


def lesion_stamp(
    rng: np.random.Generator, kind: str, suspicion: float, style: str, radius: float, height: int
) -> Stamp:
    """Draw a lesion of `radius` film heights at the scale of a film of `height` pixel rows."""
    if kind == "mass":
        return masses.mass_stamp(rng, radius * height, suspicion, style)
    return calcifications.calcification_stamp(rng, radius * height, suspicion, style, height)


def lesion_position(lesion: Lesion, outline: Outline, view: str) -> tuple[int, int]:
    """Return row and column of a lesion's centre; its depth is equal in both views, as in the breast."""
    height = len(outline.reach)
    sideways = lesion.lateral if view == "CC" else 0.9 * lesion.superior + 0.1 * lesion.lateral
    row = outline.nipple_row + sideways * (outline.upper if sideways < 0 else outline.lower)
    margin = 1.15 * lesion.radius * height
    row = float(np.clip(row, margin, height - 1 - margin))
    column = min(lesion.depth * outline.nipple_column, float(outline.reach[int(row)]) - margin - 0.012 * height)
    return int(row), int(max(column, 0.7 * margin))


def _flesh(rng: np.random.Generator, outline: Outline, grid: PixelGrid, density: int) -> Field:
    prior = glandular_prior(rng, outline, grid, density)
    muscle = muscle_shade(outline, grid)
    tissue = parenchyma(rng, grid, prior - 1.5 * muscle, density)
    tissue += np.float32(0.16) * vessels(rng, grid, int(rng.integers(2, 6)))
    return tissue + muscle * np.float32(rng.uniform(0.12, 0.24))


def _thickness(rng: np.random.Generator, outline: Outline, grid: PixelGrid) -> Field:
    """Return the share of the full compressed thickness, 0 outside the breast, with a thin bright skin line."""
    depth = outline.depth(grid.columns) / np.float32(grid.height)
    inside = np.maximum(depth, 0)
    roundness = float(rng.uniform(0.028, 0.05))
    skin = 0.05 * np.exp(-(((depth - 0.004) / 0.003) ** 2))
    return as_field(1 - np.exp(-inside / roundness) + skin * (depth > 0))


def _implant(tissue: Field, outline: Outline, lesion: Lesion, patient: Patient, breast: Breast, view: str) -> Mask:
    rng = generator(patient.seed, patient.index, breast.side, view, lesion.kind, lesion.number)
    stamp = lesion_stamp(rng, lesion.kind, lesion.suspicion, lesion.style, lesion.radius, len(outline.reach))
    contrast = lesion_contrast(lesion.kind, lesion.subtlety, patient.density)
    return add_stamp(tissue, stamp, *lesion_position(lesion, outline, view), contrast)


def _widen(mask: Mask, width: int, mirrored: bool) -> Mask:
    wide = np.zeros((mask.shape[0], width), np.bool_)
    wide[:, : mask.shape[1]] = mask
    return np.ascontiguousarray(wide[:, ::-1]) if mirrored else wide
