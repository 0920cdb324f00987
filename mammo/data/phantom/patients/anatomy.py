"""Patients, their breasts and their lesions, drawn at random, without pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from statistics import NormalDist

import numpy as np

from mammo.data.phantom.patients.randomness import balanced, generator
from mammo.data.phantom.patients.reader import TYPICALLY_BENIGN, read_lesion
from mammo.data.phantom.patients.spec import PhantomSpec

PATHOLOGY_NOISE = 0.6
"""Standard deviation of the noise that is added to a lesion's visible suspicion to determine its pathology.

It bounds what the appearance can show: an observer who knows the suspicion itself has AUC 0.91.
"""

KINDS = ("mass", "calcification")
SIDES = ("LEFT", "RIGHT")
VIEWS = ("CC", "MLO")

_MASS_SHARE = 0.53
_TEST_SHARE = 0.2
_MALIGNANT = {"mass": 0.46, "calcification": 0.36}
_WITHOUT_CALLBACK = {"mass": 0.08, "calcification": 0.32}
_SUBTLETY = {"mass": (0.03, 0.08, 0.21, 0.27, 0.41), "calcification": (0.06, 0.16, 0.33, 0.23, 0.22)}
_DENSITY = {"mass": (0.20, 0.44, 0.27, 0.09), "calcification": (0.11, 0.33, 0.35, 0.21)}
_BOTH_KINDS = 0.04
_SAME_PATHOLOGY = 0.9


@dataclass(frozen=True)
class Lesion:
    """A mass or a cluster of calcifications in one breast, visible in one or both of its views.

    `number` is the abnormality id within breast and kind; `suspicion` is the latent variable that determines the
    appearance (standard normal over all lesions); `radius` is in image heights; `depth` runs from 0 at the chest wall
    to 1 at the nipple, `lateral` and `superior` from -1 to 1 across the breast. `listed_subtlety` is 0 where the
    CSVs lack it.
    """

    kind: str
    number: int
    suspicion: float
    pathology: str
    assessment: int
    descriptors: tuple[str, str]
    subtlety: int
    listed_subtlety: int
    style: str
    radius: float
    depth: float
    lateral: float
    superior: float
    views: tuple[str, ...]

    @property
    def malignant(self) -> bool:
        """Whether the pathology is malignant."""
        return self.pathology == "MALIGNANT"


@dataclass(frozen=True)
class Breast:
    """One breast: its side, its views and its lesions."""

    side: str
    views: tuple[str, ...]
    lesions: tuple[Lesion, ...]

    def lesions_in(self, view: str, kind: str | None = None) -> tuple[Lesion, ...]:
        """Return the lesions visible in `view`, of one kind or of both."""
        return tuple(lesion for lesion in self.lesions if view in lesion.views and kind in (None, lesion.kind))


@dataclass(frozen=True)
class Patient:
    """A synthetic woman. `splits` holds her official split ("train" or "test") as a mass and as a calc patient.

    `aspect` is the width of her films over their height; `listed_density` is 0 where the CSVs lack it.
    """

    seed: int
    index: int
    density: int
    listed_density: int
    aspect: float
    breasts: tuple[Breast, ...]
    splits: tuple[str, str]

    @property
    def name(self) -> str:
        """The patient's identifier in the four CSVs."""
        return f"P_{self.index + 1:05d}"

    def split(self, kind: str) -> str:
        """Return her official split as a patient with lesions of `kind`."""
        return self.splits[KINDS.index(kind)]

    def listed(self) -> Iterator[tuple[Breast, str, str]]:
        """Yield breast, view and kind of each of her full images in the CSVs; a view with both kinds comes twice."""
        for breast in self.breasts:
            for view in breast.views:
                for kind in KINDS:
                    if breast.lesions_in(view, kind):
                        yield breast, view, kind


def draw_patients(spec: PhantomSpec) -> list[Patient]:
    """Return patients with exactly `spec.images` full images in the CSVs."""
    patients: list[Patient] = []
    remaining = spec.images
    for index in count():
        if not remaining:
            break
        patient = _within(draw_patient(spec.seed, index), remaining)
        if patient.breasts:
            patients.append(patient)
            remaining -= len(list(patient.listed()))
    return patients


def draw_patient(seed: int, index: int) -> Patient:
    """Return patient `index` of `seed`, independent of all other patients."""
    rng = generator(seed, index, "patient")
    for_kind, for_split = balanced(seed, index)
    kind = KINDS[int(for_kind > _MASS_SHARE)]
    kinds = KINDS if rng.random() < _BOTH_KINDS else (kind,)
    in_test, second_in_test = for_split < _TEST_SHARE, rng.random() < _TEST_SHARE
    tests = (in_test, in_test if len(kinds) == 1 else second_in_test)
    density = 1 + int(rng.choice(4, p=_DENSITY[kind]))
    sides = SIDES if rng.random() < 0.08 else (str(rng.choice(SIDES)),)
    return Patient(
        seed=seed,
        index=index,
        density=density,
        listed_density=0 if rng.random() < 0.002 else density,
        aspect=float(rng.uniform(0.5, 0.7)),
        breasts=tuple(_draw_breast(rng, side, kinds) for side in sides),
        splits=("test" if tests[0] else "train", "test" if tests[1] else "train"),
    )


def draw_suspicion(rng: np.random.Generator, kind: str) -> tuple[float, str]:
    """Draw a lesion's latent suspicion, and its pathology from that with PATHOLOGY_NOISE."""
    suspicion = float(rng.standard_normal())
    return suspicion, _pathology(rng, kind, suspicion)


def draw_style(rng: np.random.Generator, kind: str, suspicion: float) -> str:
    """Draw the family of a lesion's appearance; typically benign calcifications are rarer with higher suspicion."""
    if kind == "mass":
        return str(rng.choice(("round", "oval", "lobulated"), p=(0.25, 0.45, 0.3)))
    if rng.random() < 0.9 - 1.3 * NormalDist().cdf(suspicion):
        return str(rng.choice(tuple(TYPICALLY_BENIGN), p=(0.3, 0.15, 0.2, 0.35)))
    return "cluster"


def draw_radius(rng: np.random.Generator, kind: str, suspicion: float) -> float:
    """Draw a lesion's radius in image heights: 0.018 to 0.08, larger with higher suspicion."""
    middle = 0.036 if kind == "mass" else 0.033
    return float(np.clip(middle * np.exp(0.26 * rng.standard_normal() + 0.22 * suspicion), 0.018, 0.08))


def _draw_breast(rng: np.random.Generator, side: str, kinds: tuple[str, ...]) -> Breast:
    views = VIEWS if rng.random() < 0.85 else (str(rng.choice(VIEWS, p=(0.4, 0.6))),)
    lesions: list[Lesion] = []
    for kind in kinds:
        for number in range(1, 1 + int(rng.choice((1, 2, 3), p=(0.9, 0.08, 0.02)))):
            lesions.append(_draw_lesion(rng, kind, number, views, lesions[0] if lesions else None))
    return Breast(side, views, tuple(lesions))


def _draw_lesion(
    rng: np.random.Generator, kind: str, number: int, views: tuple[str, ...], first: Lesion | None
) -> Lesion:
    suspicion, pathology = draw_suspicion(rng, kind)
    if first and rng.random() < _SAME_PATHOLOGY:
        suspicion, pathology = first.suspicion + 0.1 * float(rng.standard_normal()), first.pathology
    style = draw_style(rng, kind, suspicion)
    reading = read_lesion(rng, kind, style, suspicion)
    subtlety = 1 + int(rng.choice(5, p=_SUBTLETY[kind]))
    one_view_only = len(views) > 1 and first is not None and rng.random() < 0.3
    return Lesion(
        kind=kind,
        number=number,
        suspicion=suspicion,
        pathology=pathology,
        assessment=reading.assessment,
        descriptors=reading.descriptors,
        subtlety=subtlety,
        listed_subtlety=0 if rng.random() < 0.002 else subtlety,
        style=style,
        radius=draw_radius(rng, kind, suspicion),
        depth=float(rng.uniform(0.2, 0.85)),
        lateral=float(rng.triangular(-0.75, -0.3, 0.75)),
        superior=float(rng.triangular(-0.75, -0.25, 0.7)),
        views=(str(rng.choice(views)),) if one_view_only else views,
    )


def _pathology(rng: np.random.Generator, kind: str, suspicion: float) -> str:
    noisy = suspicion + PATHOLOGY_NOISE * float(rng.standard_normal())
    share = NormalDist(sigma=float(np.hypot(1, PATHOLOGY_NOISE))).cdf(noisy)
    if share > 1 - _MALIGNANT[kind]:
        return "MALIGNANT"
    return "BENIGN_WITHOUT_CALLBACK" if share < _WITHOUT_CALLBACK[kind] else "BENIGN"


def _within(patient: Patient, images: int) -> Patient:
    """Return the patient without her last views, so that she has at most `images` full images."""
    while len(list(patient.listed())) > images:
        last = patient.breasts[-1]
        fewer = dataclasses.replace(last, views=last.views[:-1])
        patient = dataclasses.replace(patient, breasts=(*patient.breasts[:-1], *([fewer] if fewer.views else [])))
    return patient if any(patient.listed()) else dataclasses.replace(patient, breasts=())
