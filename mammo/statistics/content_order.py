"""An order of images that follows from their labels and scores alone, so that no figure depends on names or rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


FIRST = 8
"""Runs that are looked at one by one: as a rule the first tells all images apart."""


def content_order(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.intp]:
    """The positions of N images, (N,), those of a patient side by side, by `labels` (N,) and `logits` (R, N) alone.

    The first run's logits decide, further ones only between images that are alike in it. Images whose places could be
    taken for one another have the same label, the same scores and patients who are alike as well: whatever is computed
    of images in this order is the same to the last bit, however they are named and stored.
    """
    if not np.size(labels):
        return np.zeros(0, dtype=np.intp)
    content = _content(np.asarray(labels), np.atleast_2d(logits))
    patient = _ranked(first_seen(patients)[1], content)
    return np.lexsort((content, patient))


def arranged(
    labels: NDArray[Any], logits: NDArray[Any], patients: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Labels (N,), logits (..., N) and patients (N,) in `content_order`."""
    order = content_order(labels, logits, patients)
    return labels[order], logits[..., order], patients[order]


def first_seen(patients: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The patients (K,) in the order in which they first come, and the number of each image's patient, (N,)."""
    names, first, number = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(order.size, dtype=np.intp)
    place[order] = np.arange(order.size)
    return names[order], place[number]


def _content(labels: NDArray[Any], logits: NDArray[Any]) -> NDArray[np.intp]:
    """Numbers of what is told of each image, (N,), in the order of labels and scores; equal where all is equal."""
    number = _dense(labels, np.zeros(labels.size, dtype=np.intp))
    for run in logits[:FIRST]:
        number = _dense(_plain(run), number)
        if len(np.unique(number)) == number.size:
            return number
    alike = np.bincount(number)[number] > 1
    if len(logits) > FIRST and alike.any():
        further = np.unique(_plain(logits[FIRST:][:, alike]).T, axis=0, return_inverse=True)[1]
        key = np.zeros(number.size, dtype=np.intp)
        key[alike] = further.ravel()
        number = _dense(key, number)
    return number


def _plain(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Scores that can be sorted: what diverged comes last, and zero has no sign."""
    return np.where(np.isnan(scores), np.inf, np.asarray(scores, dtype=np.float64)) + 0.0


def _dense(values: NDArray[Any], before: NDArray[np.intp]) -> NDArray[np.intp]:
    """Numbers from 0 in the order of `before`, and of `values` where these are equal."""
    order = np.lexsort((values, before))
    rises = (np.diff(before[order]) != 0) | (values[order][1:] != values[order][:-1])
    number = np.zeros(order.size, dtype=np.intp)
    number[order[1:]] = np.cumsum(rises)
    return number


def _ranked(patient: NDArray[np.intp], content: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rank of each image's patient, (N,), by the contents of all images of the patient."""
    order = np.lexsort((content, patient))
    starts = np.flatnonzero(np.diff(patient[order], prepend=-1))
    place = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
    held = np.full((starts.size, int(place.max()) + 1), -1, dtype=np.intp)
    held[patient[order], place] = content[order]
    rank = np.empty(starts.size, dtype=np.intp)
    rank[np.lexsort(held.T[::-1])] = np.arange(starts.size)
    return rank[patient]
