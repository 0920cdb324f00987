"""An order of images by their labels and scores alone, so that no figure depends on names or on the order of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


FIRST = 8
"""Runs that are compared one by one: usually the first run alone gives every image another score."""


def content_order(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.intp]:
    """The positions of N images, (N,), sorted by `labels` (N,) and `logits` (R, N), a patient's images side by side.

    The logits of the first run decide; further runs only order images that are equal in it. Two images whose order is
    left open have the same label, the same scores and patients with the same images: whatever is computed from images
    in this order is the same to the last bit, however they are named and stored.
    """
    if not np.size(labels):
        return np.zeros(0, dtype=np.intp)
    content = _content(np.asarray(labels), np.atleast_2d(logits))
    patient = _patient_ranks(number_patients(patients)[1], content)
    return np.lexsort((content, patient))


def arranged(
    labels: NDArray[Any], logits: NDArray[Any], patients: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Labels (N,), logits (..., N) and patients (N,) in `content_order`."""
    order = content_order(labels, logits, patients)
    return labels[order], logits[..., order], patients[order]


def number_patients(patients: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The patients (K,) in order of first appearance, and the number of each image's patient, (N,)."""
    names, first, number = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(order.size, dtype=np.intp)
    rank[order] = np.arange(order.size)
    return names[order], rank[number]


def _content(labels: NDArray[Any], logits: NDArray[Any]) -> NDArray[np.intp]:
    """A number for the label and scores of each image, (N,), in their order; equal images have equal numbers."""
    number = _dense_ranks(labels, np.zeros(labels.size, dtype=np.intp))
    for run in logits[:FIRST]:
        number = _dense_ranks(_sortable(run), number)
        if len(np.unique(number)) == number.size:
            return number
    alike = np.bincount(number)[number] > 1
    if len(logits) > FIRST and alike.any():
        further = np.unique(_sortable(logits[FIRST:][:, alike]).T, axis=0, return_inverse=True)[1]
        key = np.zeros(number.size, dtype=np.intp)
        key[alike] = further.ravel()
        number = _dense_ranks(key, number)
    return number


def _sortable(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Scores that can be sorted: NaN becomes infinity, and negative zero becomes zero."""
    return np.where(np.isnan(scores), np.inf, np.asarray(scores, dtype=np.float64)) + 0.0


def _dense_ranks(values: NDArray[Any], before: NDArray[np.intp]) -> NDArray[np.intp]:
    """Dense ranks from 0, (N,), by `before` and then by `values`."""
    order = np.lexsort((values, before))
    rises = (np.diff(before[order]) != 0) | (values[order][1:] != values[order][:-1])
    number = np.zeros(order.size, dtype=np.intp)
    number[order[1:]] = np.cumsum(rises)
    return number


def _patient_ranks(patient: NDArray[np.intp], content: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rank of each image's patient, (N,), by the content numbers of all images of the patient."""
    order = np.lexsort((content, patient))
    starts = np.flatnonzero(np.diff(patient[order], prepend=-1))
    column = np.arange(order.size) - np.repeat(starts, np.diff(np.append(starts, order.size)))
    contents = np.full((starts.size, int(column.max()) + 1), -1, dtype=np.intp)
    contents[patient[order], column] = content[order]
    rank = np.empty(starts.size, dtype=np.intp)
    rank[np.lexsort(contents.T[::-1])] = np.arange(starts.size)
    return rank[patient]
