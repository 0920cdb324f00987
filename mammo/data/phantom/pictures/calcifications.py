"""Calcifications: few, round and uniform when harmless; many, clustered and pleomorphic when suspicious."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mammo.data.phantom.pictures.arrays import Field, Points, as_field
from mammo.data.phantom.pictures.lesions import Stamp, appearance, polar_window, ragged_circle

CONTRAST = {1: 0.10, 2: 0.18, 3: 0.30, 4: 0.46, 5: 0.66}
"""Brightness that a calcification larger than a pixel adds at its centre, by subtlety."""

_HAZE = 0.3
"""Brightness of the density around the most suspicious clusters, relative to a calcification."""

_PIXEL = 0.4
"""Standard deviation, in pixels, of the blur from sampling on the grid."""


@dataclass(frozen=True)
class Particle:
    """One calcification: position from the cluster's centre and size in pixels, orientation in radians.

    `hollow` makes its centre lucent.
    """

    row: float
    column: float
    length: float
    width: float
    turn: float
    brightness: float
    hollow: bool = False


def calcification_stamp(rng: np.random.Generator, radius: float, suspicion: float, style: str, height: int) -> Stamp:
    """Draw a group of calcifications of `radius` pixels on a film of `height` pixel rows.

    `style` is "cluster" or one of the typically benign families; number, clustering and pleomorphism
    of a cluster follow `suspicion`.
    """
    half = max(6, int(1.25 * radius) + 4)
    polar = polar_window(half)
    values = np.zeros(polar.distance.shape, np.float32)
    share = appearance(suspicion)
    for particle in _FAMILIES[style](rng, radius, share, height):
        _deposit(values, half, particle)
    if style == "cluster":
        values += np.float32(_HAZE * share**2) * np.exp(-((polar.distance / np.float32(0.8 * radius)) ** 2))
    outline = ragged_circle(rng, {2: 0.08, 3: 0.04, 5: 0.02})
    return Stamp(values, polar.distance <= np.float32(radius) * outline[polar.angle])


def _cluster(rng: np.random.Generator, radius: float, share: float, height: int) -> list[Particle]:
    number = int(np.clip(rng.lognormal(np.log(6 + 34 * share), 0.25), 4, 80))
    elongation = 1 + 2.2 * float(rng.random()) * share**2
    positions = _positions(rng, number, radius * (0.9 - 0.3 * share), elongation)
    length = height * 0.0011 * np.exp((0.12 + 0.45 * share) * rng.standard_normal(number))
    stretched = 1 + rng.exponential(0.15 + 1.1 * share**2, number)
    bright = np.exp((0.12 + 0.45 * share) * rng.standard_normal(number))
    turns = rng.uniform(0, np.pi, number)
    return [
        Particle(row, column, size * stretch, size / stretch**0.3, turn, light)
        for (row, column), size, stretch, turn, light in zip(positions, length, stretched, turns, bright, strict=True)
    ]


def _scattered(rng: np.random.Generator, radius: float, _: float, height: int) -> list[Particle]:
    return [
        Particle(row, column, size, size, 0.0, 0.9)
        for row, column in _positions(rng, int(rng.integers(3, 9)), 0.85 * radius, 1.0)
        for size in (height * 0.0014 * float(rng.uniform(0.9, 1.15)),)
    ]


def _coarse(rng: np.random.Generator, radius: float, _: float, height: int) -> list[Particle]:
    lumps = int(rng.integers(4, 9))
    positions = _positions(rng, lumps, 0.22 * radius, 1.0)
    sizes = np.maximum(height * 0.002, 0.12 * radius * rng.uniform(0.7, 1.4, lumps))
    return [Particle(row, column, size, size, 0.0, 0.6) for (row, column), size in zip(positions, sizes, strict=True)]


def _rings(rng: np.random.Generator, radius: float, _: float, height: int) -> list[Particle]:
    return [
        Particle(row, column, size, size, 0.0, 0.9, hollow=True)
        for row, column in _positions(rng, int(rng.integers(1, 5)), 0.6 * radius, 1.0)
        for size in (height * float(rng.uniform(0.003, 0.006)),)
    ]


def _vascular(rng: np.random.Generator, radius: float, _: float, height: int) -> list[Particle]:
    """Two broken parallel lines: the calcified walls of a vessel."""
    direction, bend, gap = rng.uniform(0, np.pi), rng.normal(0, 0.4), height * rng.uniform(0.0025, 0.004)
    particles = []
    for along in np.arange(-0.95, 0.95, 0.0032 * height / radius):
        turn = direction + bend * along
        centre = radius * along * np.array([np.sin(direction + bend * along / 2), np.cos(direction + bend * along / 2)])
        for wall in (-gap, gap):
            row, column = centre + wall * np.array([np.cos(turn), -np.sin(turn)])
            light = float(rng.choice((0.0, 0.4, 0.8), p=(0.3, 0.4, 0.3)))
            particles.append(Particle(row, column, 0.003 * height, 0.0011 * height, turn, light))
    return particles


_FAMILIES = {
    "cluster": _cluster,
    "scattered": _scattered,
    "coarse": _coarse,
    "rings": _rings,
    "vascular": _vascular,
}


def _positions(rng: np.random.Generator, number: int, radius: float, elongation: float) -> Points:
    """Draw points (number, 2) of row and column within an ellipse of area π radius²."""
    distance, turn = radius * np.sqrt(rng.random(number)), rng.uniform(0, 2 * np.pi, number)
    axes = np.array([distance * np.cos(turn) / elongation**0.5, distance * np.sin(turn) * elongation**0.5])
    tilt = rng.uniform(0, np.pi)
    spin = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    positions = (spin @ axes).T
    shrink = np.minimum(1, 1.1 * radius / np.maximum(np.hypot(*positions.T), 1e-6))
    return np.asarray(positions * shrink[:, None], dtype=np.float64)


def _deposit(values: Field, half: int, particle: Particle) -> None:
    """Add a Gaussian spot to `values`; a spot smaller than a pixel spreads its brightness over the pixel."""
    reach = int(3 * max(particle.length, particle.width)) + 2
    row, column = half + particle.row, half + particle.column
    rows, columns = _around(row, reach, len(values)), _around(column, reach, len(values))
    y = np.arange(rows.start, rows.stop)[:, None] - row
    x = np.arange(columns.start, columns.stop)[None, :] - column
    cosine, sine = math.cos(particle.turn), math.sin(particle.turn)
    length, width = math.hypot(particle.length, _PIXEL), math.hypot(particle.width, _PIXEL)
    squared = ((x * cosine + y * sine) / length) ** 2 + ((y * cosine - x * sine) / width) ** 2
    spot = np.exp(-((np.sqrt(squared) - 1.3) ** 2) / 0.12) if particle.hollow else np.exp(-0.5 * squared)
    dilution = particle.length * particle.width / (length * width)
    values[rows, columns] += as_field(particle.brightness * dilution * spot)


def _around(middle: float, reach: int, size: int) -> slice:
    return slice(min(size, max(0, int(middle) - reach)), max(0, min(size, int(middle) + reach + 1)))
