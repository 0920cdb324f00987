"""Masses: round and sharp when harmless; irregular, ill-defined and spiculated when suspicious."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mammo.data.phantom.pictures.arrays import Field, Mask, as_field
from mammo.data.phantom.pictures.lesions import Polar, Stamp, appearance, polar_window, ragged_circle

CONTRAST = {1: 0.08, 2: 0.13, 3: 0.19, 4: 0.25, 5: 0.31}
"""Brightness that a mass adds at its centre, by subtlety."""

_LOBES = {"round": {2: 0.04}, "oval": {2: 0.20}, "lobulated": {2: 0.10, 3: 0.11, 4: 0.08}}
_SPICULES_FROM = 0.40


def mass_stamp(rng: np.random.Generator, radius: float, suspicion: float, style: str) -> Stamp:
    """Draw a mass of `radius` pixels whose irregularity, margin and spicules follow `suspicion`."""
    share = appearance(suspicion)
    half = max(6, int(2.3 * radius) + 2)
    polar = polar_window(half)
    outline = ragged_circle(rng, _irregularity(rng, share, style))
    relative = polar.distance / (np.float32(radius) * outline[polar.angle])
    body = _body(relative, _margin(rng, share)) * _mottle(rng, half, 0.06 + 0.2 * share)
    spicules = _spicules(rng, half, radius, share)
    return Stamp(np.maximum(body, 0) + (1 - np.clip(body, 0, 1)) * spicules, _region(rng, polar, radius, outline))


def _irregularity(rng: np.random.Generator, share: float, style: str) -> dict[int, float]:
    lobes = dict(_LOBES[style])
    for wave in (3, 5, 7, 10, 14):
        size = 0.30 * share**1.5 / wave**0.6
        lobes[wave] = lobes.get(wave, 0.0) + size * float(rng.uniform(0.6, 1.3))
    return lobes


def _margin(rng: np.random.Generator, share: float) -> float:
    """Draw the width of the edge relative to the radius: circumscribed 0.07, ill-defined 0.4."""
    return float((0.05 + 0.30 * share) * rng.uniform(0.8, 1.25))


def _body(relative: Field, margin: float) -> Field:
    edge = 1 / (1 + np.exp(np.clip((relative - 1) / (0.45 * margin), -30, 30)))
    dome = 0.62 + 0.38 * np.sqrt(np.maximum(0, 1 - relative**2))
    return as_field(edge * dome)


def _mottle(rng: np.random.Generator, half: int, strength: float) -> Field:
    coarse = Image.fromarray(rng.standard_normal((9, 9)).astype(np.float32))
    size = 2 * half + 1
    smooth = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    return as_field(1 + np.float32(strength) * smooth)


def _spicules(rng: np.random.Generator, half: int, radius: float, share: float) -> Field:
    """Draw thin lines that radiate from the mass, at twice the scale so that they are smooth."""
    size = 2 * half + 1
    strength = max(0.0, (share - _SPICULES_FROM) / (1 - _SPICULES_FROM)) ** 0.8
    if not strength:
        return np.zeros((size, size), np.float32)
    canvas = Image.new("L", (2 * size, 2 * size))
    draw = ImageDraw.Draw(canvas)
    for turn in rng.uniform(0, 2 * np.pi, size=int(rng.normal(12 + 26 * strength, 3))):
        _spicule(rng, draw, size, radius, float(turn), strength)
    smooth = canvas.filter(ImageFilter.GaussianBlur(max(0.8, 0.035 * radius))).reduce(2)
    return as_field(np.asarray(smooth)) / np.float32(255 / (0.35 + 0.65 * strength))


def _spicule(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, size: int, radius: float, turn: float, strength: float
) -> None:
    length = radius * (1 + 0.25 * strength + strength * float(rng.exponential(0.35)))
    bend, brightness = float(rng.normal(0, 0.10)), int(rng.integers(70, 190))
    for start, stop in ((0.4, 0.75), (0.72, 1.0)):
        angles = turn + bend * start, turn + bend * stop
        ends = [
            (size + 2 * length * part * np.cos(angle), size + 2 * length * part * np.sin(angle))
            for part, angle in zip((start, stop), angles, strict=True)
        ]
        width = max(1, round(0.09 * radius * (1.6 - stop)))
        draw.line(ends, fill=int(brightness * (1.35 - 0.6 * stop)), width=width)


def _region(rng: np.random.Generator, polar: Polar, radius: float, outline: Field) -> Mask:
    """Return the radiologist's outline: slightly larger and smoother than the mass itself."""
    smooth = ragged_circle(rng, {2: 0.03, 3: 0.03})
    traced = np.maximum(outline, smooth) * np.float32(1.05 * radius)
    return np.asarray(polar.distance <= traced[polar.angle], dtype=np.bool_)
