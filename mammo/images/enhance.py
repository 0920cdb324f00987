"""The enhanced preprocessing, after Montaha et al. 2021 (BreastNet18): no artefacts, one side, gamma, CLAHE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from mammo.images.film import block_average, find_borders, find_breast
from mammo.images.resize import Picture

LONGEST = 2048
"""Longest side in pixels of the block-averaged picture that the steps work on."""
GAMMA = 2.0
TILES = 8
"""Contextual regions of CLAHE along each side."""
STEEPEST = 2.0
"""Largest factor by which one pass of CLAHE raises a contrast."""


@dataclass(frozen=True)
class EnhancementStep:
    """One step of the preprocessing, from picture to picture."""

    label: str
    description: str
    apply: Callable[[Picture], Picture]


def enhance(picture: Picture) -> Picture:
    """Run all STEPS in their order; return float32 in 0..1, at most LONGEST pixels long, the breast on the left."""
    for step in STEPS.values():
        picture = step.apply(picture)
    return picture


def trace(picture: Picture) -> list[tuple[str, Picture]]:
    """Return the label of every step and the picture after it, in the order of STEPS; the last is that of `enhance`."""
    pictures = []
    for step in STEPS.values():
        picture = step.apply(picture)
        pictures.append((step.label, picture))
    return pictures


def shrink(picture: Picture) -> Picture:
    """Average square blocks until the longer side is at most LONGEST pixels."""
    return block_average(picture, LONGEST)


def remove_borders(picture: Picture) -> Picture:
    """Blacken thin white strips along the film's sides."""
    return np.where(find_borders(picture), np.float32(0), picture)


def keep_breast(picture: Picture) -> Picture:
    """Blacken everything except the breast; a picture without film around the breast stays as it is."""
    mask = find_breast(picture)
    return picture if mask is None else np.where(mask, picture, np.float32(0))


def turn_left(picture: Picture) -> Picture:
    """Mirror the picture where its left half has more black than its right half."""
    half = picture.shape[1] // 2
    if not half:
        return picture
    left, right = (float((side == 0).mean()) for side in (picture[:, :half], picture[:, -half:]))
    return np.ascontiguousarray(picture[:, ::-1]) if left > right + 0.1 else picture


def darken(picture: Picture) -> Picture:
    """Raise brightness to the power GAMMA."""
    exposure: Any = import_module("skimage.exposure")
    darker: Picture = exposure.adjust_gamma(np.clip(picture, 0, 1), GAMMA).astype(np.float32)
    return darker


def equalise(picture: Picture) -> Picture:
    """Run one pass of CLAHE over TILES x TILES regions, within the picture's own range; black stays black.

    Tiles have at least 64 x 64 pixels where the picture does, and at least 16 pixels for each grey level, so that the
    limit STEEPEST holds in small pictures too.
    """
    low, high = float(picture.min()), float(picture.max())
    if high - low < 1e-6:
        return picture
    tile = [min(side, max(64, -(-side // TILES))) for side in picture.shape]
    levels = int(np.clip(tile[0] * tile[1] // 16, 2, 1024))
    spread = (picture - np.float32(low)) / np.float32(high - low)
    clahe: Any = import_module("skimage.exposure").equalize_adapthist
    equal = clahe(np.clip(spread, 0, 1), kernel_size=tile, clip_limit=STEEPEST / levels, nbins=levels)
    equal = np.float32(low) + equal.astype(np.float32) * np.float32(high - low)
    return np.where(picture == 0, np.float32(0), np.clip(equal, 0, 1))


STEPS: dict[str, EnhancementStep] = {
    "shrink": EnhancementStep("Shrunk", "Averages blocks until the longer side is at most 2048 pixels.", shrink),
    "borders": EnhancementStep(
        "Borders removed", "Blackens white strips where the scanner saw past the film.", remove_borders
    ),
    "breast": EnhancementStep(
        "Breast kept", "Opens the bright areas, keeps the largest and blackens labels and tape.", keep_breast
    ),
    "side": EnhancementStep("Turned", "Mirrors the picture so that the breast lies on the left.", turn_left),
    "gamma": EnhancementStep("Gamma 2", "Squares brightness: dense tissue gains contrast, air and noise lose.", darken),
    "clahe": EnhancementStep("CLAHE", "Raises local contrast, at most twofold.", equalise),
    "clahe-again": EnhancementStep("CLAHE again", "The second pass: at most fourfold in all.", equalise),
}
"""The steps, in the order in which they run."""
