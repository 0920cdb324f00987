"""Prints the figures of docs/preprocessing.md: lesions kept, labels removed, contrast won, on rendered phantoms."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
from scipy.ndimage import binary_dilation
from skimage.measure import label

from mammo.data.phantom import PhantomSpec, draw_patients, render_view
from mammo.data.phantom.pictures import view
from mammo.images import enhance
from mammo.images.enhance import STEPS
from mammo.images.film import borders
from mammo.images.resize import letterbox

IMAGES, HEIGHT = 110, 640
CHOICES = ((2.0, 2.0), (1.0, 2.0), (2.0, 1.5), (2.0, 4.0))
"""GAMMA and STEEPEST: those that are used, and others."""


def films(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each film as it is, without labels, tape and borders, and the mask of its lesions."""
    for patient in draw_patients(PhantomSpec(images=IMAGES, seed=seed, height=HEIGHT)):
        for breast in patient.breasts:
            for name in breast.views:
                seen = render_view(patient, breast, name, HEIGHT)
                with patch.object(view, "deface"):
                    clean = render_view(patient, breast, name, HEIGHT).image
                lesions = np.zeros(clean.shape, np.bool_)
                lesions[:] = np.any([mask for _, mask in seen.lesions] or [lesions], axis=0)
                yield seen.image.astype(np.float32) / 65535, clean.astype(np.float32) / 65535, lesions


def toned(picture: np.ndarray, gamma: float, steepest: float) -> np.ndarray:
    """Gamma and both passes of CLAHE with other parameters."""
    with patch.multiple(enhance, GAMMA=gamma, STEEPEST=steepest):
        for name in ("gamma", "clahe", "clahe-again"):
            picture = STEPS[name].apply(picture)
    return picture


def contrast(picture: np.ndarray, lesions: np.ndarray) -> tuple[float, float]:
    """Lesion minus a ring around it at 224 pixels, alone and over the ring's standard deviation."""
    mask = letterbox(lesions.astype(np.float32), 224) > 0.5
    ring = binary_dilation(mask, iterations=6) & ~binary_dilation(mask)
    small = letterbox(picture, 224)
    rise = float(small[mask].mean() - small[ring].mean())
    return rise, rise / float(small[ring].std())


def main() -> None:
    """Measure every film of two seeds and print the sums."""
    kept, removed, rises = np.zeros(2, int), np.zeros(2, int), []
    count = 0
    for seed in (0, 1):
        for film, clean, lesions in films(seed):
            count += 1
            cleared = STEPS["breast"].apply(STEPS["borders"].apply(film))
            inside = lesions & ~borders(film) & (clean > 0.02) & (film - clean < 0.05)
            kept += (inside & (cleared > 0)).sum(), inside.sum()
            marks = label((film - clean > 0.05) & (clean < 0.03))
            edge = np.unique(np.concatenate([marks[0], marks[-1], marks[:, 0], marks[:, -1]]))
            free = (marks > 0) & ~np.isin(marks, edge)
            removed += (free & (cleared == 0)).sum(), free.sum()
            if letterbox(lesions.astype(np.float32), 224).max() > 0.5:
                rises.append(
                    [contrast(cleared, lesions), *(contrast(toned(cleared, *one), lesions) for one in CHOICES)]
                )
    print(
        f"{count} films; lesion pixels kept {kept[0]} of {kept[1]}; label pixels removed {removed[0]} of {removed[1]}"
    )
    for name, (alone, over) in zip(("before", *CHOICES), np.median(rises, axis=0), strict=True):
        print(f"median lesion contrast {alone:.3f}, over its surroundings' deviation {over:.2f}: {name}")


if __name__ == "__main__":
    main()
