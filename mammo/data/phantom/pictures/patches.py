"""Small patches of tissue with or without a lesion, to pretrain small networks on."""

from __future__ import annotations

import numpy as np

from mammo.data.phantom.patients.anatomy import draw_radius, draw_style, draw_suspicion
from mammo.data.phantom.pictures.arrays import Field, as_field
from mammo.data.phantom.pictures.film import develop
from mammo.data.phantom.pictures.lesions import add_stamp
from mammo.data.phantom.pictures.tissue import PixelGrid, parenchyma, vessels
from mammo.data.phantom.pictures.view import lesion_contrast, lesion_stamp
from mammo.errors import MammoError

PATCH_FINDINGS = ("normal", "benign mass", "malignant mass", "benign calcification", "malignant calcification")

_SMALLEST_FILM, _LARGEST_MAGNIFICATION = 224, 3.0


def lesion_patch(rng: np.random.Generator, finding: str, size: int = 96) -> Field:
    """Return a (size, size) patch, brightness 0 to 1, of random tissue with `finding` near its centre.

    Its scale is that of a film 224 to 672 pixels high; density, size and contrast are drawn as for full films. Raises
    MammoError where `finding` is none of PATCH_FINDINGS.
    """
    if finding not in PATCH_FINDINGS:
        raise MammoError(f"There is no finding {finding!r}; choose one of {', '.join(PATCH_FINDINGS)}.")
    height = round(_SMALLEST_FILM * _LARGEST_MAGNIFICATION ** rng.random())
    grid = PixelGrid(size, size, height)
    density = int(rng.integers(1, 5))
    patch = _background(rng, grid, density)
    if finding != "normal":
        pathology, kind = finding.split()
        _implant(rng, patch, grid, kind, pathology == "malignant", density)
    return np.clip(develop(rng, patch * _thickness(rng, grid)), 0, 1)


def _background(rng: np.random.Generator, grid: PixelGrid, density: int) -> Field:
    prior = np.full(grid.shape, rng.uniform(-0.6, 1.0), np.float32)
    tissue = parenchyma(rng, grid, prior, density)
    if rng.random() < 0.3:
        tissue += np.float32(0.12) * vessels(rng, grid, 1)
    return np.rot90(tissue, int(rng.integers(4))) + np.float32(rng.uniform(-0.05, 0.12))


def _implant(rng: np.random.Generator, patch: Field, grid: PixelGrid, kind: str, malignant: bool, density: int) -> None:
    suspicion = _suspicion(rng, kind, malignant)
    style = draw_style(rng, kind, suspicion)
    radius = min(draw_radius(rng, kind, suspicion), 0.4 * grid.rows / grid.height)
    stamp = lesion_stamp(rng, kind, suspicion, style, radius, grid.height)
    row, column = (grid.rows // 2 + rng.integers(-grid.rows // 8, grid.rows // 8 + 1, size=2)).tolist()
    add_stamp(patch, stamp, row, column, lesion_contrast(kind, int(rng.integers(2, 6)), density))


def _suspicion(rng: np.random.Generator, kind: str, malignant: bool) -> float:
    while True:
        suspicion, pathology = draw_suspicion(rng, kind)
        if (pathology == "MALIGNANT") == malignant:
            return suspicion


def _thickness(rng: np.random.Generator, grid: PixelGrid) -> Field:
    """Return a gentle slope of compressed thickness; sometimes the breast's edge crosses the patch."""
    turn = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[-1 : 1 : grid.rows * 1j, -1 : 1 : grid.columns * 1j].astype(np.float32)
    across = columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))
    if rng.random() < 0.15:
        return as_field(1 - np.exp(-np.maximum(across + np.float32(rng.uniform(0.4, 1)), 0) / 0.25))
    return as_field(1 + np.float32(rng.normal(0, 0.08)) * across)
