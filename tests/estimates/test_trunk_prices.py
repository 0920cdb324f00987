"""Prices of extraction are really measured, on the data set's own files and the trunk itself."""

from __future__ import annotations

import numpy as np
import pytest

from mammo.estimates import trunk_prices as trunk_prices_module
from mammo.estimates.trunk_prices import picture_prices, start_prices, store, trunk_prices
from mammo.images.prepare import Variant
from mammo.specs import CacheSpec, Home


def test_pictures_and_trunks_are_really_timed(tiny: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_prices_module, "ENOUGH", 0.01)
    variants = (Variant("builtin", "stretch", 64), Variant("builtin", "letterbox", 64))
    assert all(price > 0 for price in picture_prices(tiny, "tiny", "full", variants).values())
    prices = trunk_prices("vgg16-mini", "last-layer", "float32", 64, "cpu")
    assert set(prices) == {"built", "warped", "forward", "written"} and all(price > 0 for price in prices.values())


def test_the_start_is_timed_from_the_beginning_of_the_process() -> None:
    prices = start_prices()
    assert 0 < prices["heads"] <= prices["trunks"]


def test_a_stored_cache_holds_its_maps(home: Home) -> None:
    maps = np.random.default_rng(0).random((70, 64, 2, 2)).astype(np.float32)
    cache = store(home, CacheSpec("any", "vgg16-mini", "random-0", size=64), maps, maps.mean((2, 3)))
    assert np.array_equal(cache.maps(), maps) and cache.ids[-1] == "69"
