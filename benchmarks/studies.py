"""Simulated studies of patients with several images each, of which the truth is known.

A study has so many patients with cancer and without, of one to four mammograms. Of a patient with cancer some further
mammograms are of the healthy breast. Malignant images score higher by as much as a true AUC asks for; mammograms of one
patient, and scores of two runs, resemble one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

IMAGES, OFTEN = [1, 2, 3, 4], [0.25, 0.5, 0.1, 0.15]


@dataclass(frozen=True)
class Study:
    """A kind of study.

    `alike` correlates the images of a patient; of a patient with cancer the share `healthy` of the images beyond the
    first is benign; `related` correlates two runs on one image.
    """

    malignant: int
    benign: int
    auc: float
    alike: float = 0.6
    healthy: float = 0.2
    related: float = 0.7

    @property
    def name(self) -> str:
        """The numbers of patients, with and without cancer."""
        return f"{self.malignant} + {self.benign}"

    def images(self, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Labels and patients of the images of one study, (N,) each."""
        patients = self.malignant + self.benign
        patient = np.repeat(np.arange(patients), chance.choice(IMAGES, patients, p=OFTEN))
        first = np.append(True, patient[1:] != patient[:-1])
        ill = patient < self.malignant
        labels = ill & (first | (chance.random(patient.size) >= self.healthy))
        return labels.astype(np.int8), patient

    def scores(
        self, labels: np.ndarray, patient: np.ndarray, areas: list[float], draws: int, chance: np.random.Generator
    ) -> np.ndarray:
        """Logits of runs of the true AUCs `areas` in so many draws of the same images: (areas, draws, N)."""

        def noise() -> np.ndarray:
            own = chance.standard_normal((draws, patient[-1] + 1))[:, patient]
            image = chance.standard_normal((draws, patient.size))
            return np.asarray(np.sqrt(self.alike) * own + np.sqrt(1 - self.alike) * image)

        shared = np.sqrt(self.related) * noise()
        return np.stack(
            [shared + np.sqrt(1 - self.related) * noise() + np.sqrt(2) * ndtri(area) * labels for area in areas]
        )


def shown(hits: np.ndarray, widths: np.ndarray | None = None) -> str:
    """A cell: the share of `hits` (designs, draws) with its Monte-Carlo error, and the median width.

    Where there was no interval, both are NaN, and the share of studies with one stands behind. Draws of one design
    share its patients, so that the error is that of the designs' means.
    """
    finite = np.isfinite(hits)
    if not finite.any():
        return "none"
    means = np.array([row[some].mean() for row, some in zip(hits, finite, strict=True) if some.any()])
    share, error = hits[finite].mean(), means.std(ddof=1) / np.sqrt(len(means))
    width = "" if widths is None else f", {np.nanmedian(widths):.2f}"
    return f"{100 * share:.1f} ± {100 * error:.1f}{width}" + ("" if finite.all() else f" ({finite.mean():.0%} given)")
