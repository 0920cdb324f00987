"""How often intervals cover the truth: simulated studies of patients with several images each.

A study draws patients of one to four mammograms; the malignant score higher by as much as a true AUC asks for, and
mammograms of one patient, and scores of two runs, resemble one another. For each kind of study and each interval the
script prints in how many of the studies it covered the truth: of the AUC of one run, and of the difference of two.
Run it with: python benchmarks/coverage.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from mammo.results.statistics.bootstrap import resampled
from mammo.results.statistics.intervals import Z, auc_interval, components


@dataclass(frozen=True)
class Study:
    """A kind of study: `alike` correlates the images of a patient, of which the share `mixed` has labels of its own."""

    patients: int
    auc: float
    alike: float = 0.6
    mixed: float = 0.2
    gain: float = 0.04

    def draw(self, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels (N,), the logits of two runs (2, N) and patients (N,)."""
        patient = np.repeat(
            np.arange(self.patients), chance.choice([1, 2, 3, 4], self.patients, p=[0.25, 0.5, 0.1, 0.15])
        )
        own = chance.random(patient.size) < self.mixed
        labels = np.where(own, chance.random(patient.size) < 0.47, (chance.random(self.patients) < 0.47)[patient])
        shared, image, run = (
            chance.standard_normal(shape) for shape in (self.patients, patient.size, (2, patient.size))
        )
        noise = np.sqrt(self.alike) * shared[patient] + np.sqrt(1 - self.alike) * (np.sqrt(0.5) * (image + run))
        shifts = np.sqrt(2) * ndtri(self.truth)
        return labels.astype(int), shifts[:, None] * labels + noise, patient

    @property
    def truth(self) -> np.ndarray:
        """The true AUCs of the two runs."""
        return np.array([self.auc + self.gain, self.auc])


STUDIES = [
    Study(60, 0.76),
    Study(60, 0.90),
    Study(150, 0.65),
    Study(150, 0.76),
    Study(150, 0.90),
    Study(150, 0.76, alike=0.9),
    Study(150, 0.76, mixed=0.0),
    Study(350, 0.76),
]


def covered(study: Study, seed: int) -> list[bool]:
    """Whether each interval covers the truth: DeLong's and the bootstrap's, of an AUC and of a difference."""
    labels, logits, patients = study.draw(np.random.default_rng(seed))
    delong = auc_interval(labels, logits, patients)[1]
    parts, drawn = components(labels, logits, patients), resampled(labels, logits, patients)
    gap, reach = parts.area[0] - parts.area[1], Z * parts.errors([0], [1])[0, 0]
    differences = [(gap - reach, gap + reach), drawn.difference(0, 1)[0]]
    bounds = [
        (delong, study.truth[1]),
        (drawn.intervals()[1], study.truth[1]),
        *((one, study.gain) for one in differences),
    ]
    return [bool(low <= truth <= high) for (low, high), truth in bounds]


def main() -> None:
    """Simulate and print a row for each kind of study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    count = parser.parse_args().studies
    print(f"Share of {count:,} studies whose 95 % interval covers the truth\n")
    print(
        "| patients | true AUC | alike | own labels | DeLong | bootstrap | difference, DeLong | difference, bootstrap |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for study in STUDIES:
        shares = np.mean([covered(study, seed) for seed in range(count)], axis=0)
        kind = f"| {study.patients} | {study.auc:.2f} | {study.alike} | {study.mixed} | "
        print(kind + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    main()
