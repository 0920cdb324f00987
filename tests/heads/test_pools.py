from __future__ import annotations

import numpy as np
import pytest
import torch

from mammo.heads.pools import POOLS


class Maps:
    """What pooling asks of a cache, in half precision as a cache may store it."""

    stored = np.arange(2 * 3 * 4 * 2 * 2, dtype=np.float16).reshape(2, 3, 4, 2, 2)

    def maps(self, version, rows):
        return self.stored[version, rows]

    def pooled(self, version, rows):
        return self.stored[version, rows].mean(axis=(2, 3))


@pytest.mark.parametrize(("name", "features"), [("flatten", 16), ("gap", 4), ("max", 4)])
def test_vectors_are_float32_an_image_a_row(name, features):
    vectors = POOLS[name].vectors(Maps(), 0)
    assert vectors.shape == (3, features) and vectors.dtype == np.float32


def test_flatten_keeps_every_number_and_gap_the_means_of_the_version_asked_for():
    flat, means = (POOLS[name].vectors(Maps(), 1) for name in ("flatten", "gap"))
    np.testing.assert_array_equal(flat.ravel(), Maps.stored[1].ravel())
    np.testing.assert_array_equal(means, flat.reshape(3, 4, 4).mean(axis=2))


def test_max_keeps_the_largest_number_of_every_channel_in_numpy_and_torch():
    largest = POOLS["max"].vectors(Maps(), 1)
    np.testing.assert_array_equal(largest, Maps.stored[1].reshape(3, 4, 4).max(axis=2))
    np.testing.assert_array_equal(POOLS["max"].of(torch.from_numpy(Maps.stored[1])), largest)


def test_a_pool_of_maps_costs_the_whole_map_and_gap_its_channels():
    shape = (3, 4, 2, 2)
    assert {name: pool.numbers_read(shape) for name, pool in POOLS.items()} == {"flatten": 16, "gap": 4, "max": 16}


def test_some_images_are_read_as_they_are_stored():
    some = POOLS["flatten"].read(Maps(), 1, slice(1, 3))
    assert some.dtype == np.float16
    np.testing.assert_array_equal(some, POOLS["flatten"].vectors(Maps(), 1)[1:3])
