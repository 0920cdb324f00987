"""A simulated radiologist with noise: BI-RADS and descriptors from a perceived suspicion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

READER_NOISE = {"mass": 0.45, "calcification": 0.8}
"""Standard deviation of the reader's noise on a lesion's suspicion; calcifications are harder to read."""

_CUTS = {"mass": (-2.8, -1.7, -0.57, 0.77), "calcification": (-3.6, -0.64, -0.42, 1.60)}
_UNDECIDED = {"mass": 0.10, "calcification": 0.045}
_SPREAD = 1.4

Weights = dict[str, tuple[float, float]]

MASS_SHAPES: Weights = {
    "OVAL": (40, 5),
    "ROUND": (14, 4),
    "LOBULATED": (32, 12),
    "LYMPH_NODE": (4, 0),
    "ASYMMETRIC_BREAST_TISSUE": (3, 1),
    "FOCAL_ASYMMETRIC_DENSITY": (3, 1),
    "IRREGULAR": (4, 62),
    "ARCHITECTURAL_DISTORTION": (2, 9),
    "IRREGULAR-ARCHITECTURAL_DISTORTION": (0, 8),
    "N/A": (0.5, 0.2),
}
MASS_MARGINS: Weights = {
    "CIRCUMSCRIBED": (50, 3),
    "OBSCURED": (22, 8),
    "MICROLOBULATED": (8, 8),
    "ILL_DEFINED": (12, 32),
    "SPICULATED": (1, 44),
    "ILL_DEFINED-SPICULATED": (0, 4),
    "N/A": (6, 1),
}
CALC_TYPES: Weights = {
    "PLEOMORPHIC": (18, 60),
    "AMORPHOUS": (18, 11),
    "PUNCTATE": (28, 5),
    "ROUND_AND_REGULAR": (16, 1),
    "PUNCTATE-PLEOMORPHIC": (3, 3),
    "FINE_LINEAR_BRANCHING": (0, 15),
    "PLEOMORPHIC-FINE_LINEAR_BRANCHING": (0, 4),
    "N/A": (3, 0.5),
}
CALC_DISTRIBUTIONS: Weights = {
    "CLUSTERED": (62, 64),
    "SEGMENTAL": (4, 16),
    "LINEAR": (2, 12),
    "REGIONAL": (8, 4),
    "DIFFUSELY_SCATTERED": (5, 0),
    "N/A": (19, 2),
}
TYPICALLY_BENIGN = {
    "rings": ("LUCENT_CENTER", "EGGSHELL", "ROUND_AND_REGULAR-LUCENT_CENTER"),
    "coarse": ("COARSE", "DYSTROPHIC"),
    "vascular": ("VASCULAR",),
    "scattered": ("ROUND_AND_REGULAR", "PUNCTATE"),
}


@dataclass(frozen=True)
class Reading:
    """The radiologist's report: BI-RADS 0-5 and two descriptors (shape and margins, or type and distribution)."""

    assessment: int
    descriptors: tuple[str, str]


def read_lesion(rng: np.random.Generator, kind: str, style: str, suspicion: float) -> Reading:
    """Read a lesion of latent `suspicion` (standard normal over all lesions) with the reader's noise."""
    perceived = suspicion + READER_NOISE[kind] * float(rng.standard_normal())
    undecided = rng.random() < _UNDECIDED[kind] * (1.5 if abs(perceived) < 1 else 0.5)
    assessment = 0 if undecided else 1 + int(np.searchsorted(_CUTS[kind], perceived))
    return Reading(assessment, _describe(rng, kind, style, perceived))


def _describe(rng: np.random.Generator, kind: str, style: str, perceived: float) -> tuple[str, str]:
    worry = 1 / (1 + float(np.exp(-_SPREAD * perceived)))
    if kind == "mass":
        return _choose(rng, MASS_SHAPES, worry), _choose(rng, MASS_MARGINS, worry)
    if style in TYPICALLY_BENIGN:
        return str(rng.choice(TYPICALLY_BENIGN[style])), "DIFFUSELY_SCATTERED" if style == "scattered" else "N/A"
    return _choose(rng, CALC_TYPES, worry), _choose(rng, CALC_DISTRIBUTIONS, worry)


def _choose(rng: np.random.Generator, weights: Weights, worry: float) -> str:
    mixed = np.array([(1 - worry) * benign + worry * malignant for benign, malignant in weights.values()])
    return str(rng.choice(list(weights), p=mixed / mixed.sum()))
