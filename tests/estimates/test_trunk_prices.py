"""Prices of extraction are really measured, on the data set's own files and the trunk itself."""

from __future__ import annotations

import numpy as np
import pytest

from mammo.estimates import trunk_prices as pace
from mammo.estimates.trunk_prices import picture_prices, start_prices, store, trunk_prices
from mammo.images.prepare import Variant
from mammo.specs import CacheSpec, Home


def test_pictures_and_trunks_are_really_timed(tiny: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "ENOUGH", 0.01)
    variants = (Variant("builtin", "stretch", 64), Variant("builtin", "letterbox", 64))
    assert all(price > 0 for price in picture_prices(tiny, "tiny", "full", variants).values())
    made = trunk_prices("vgg16-mini", "last-layer", "float32", 64, "cpu")
    assert set(made) == {"built", "warped", "forward", "written"} and all(price > 0 for price in made.values())


def test_what_a_process_loads_first_is_counted_from_its_beginning() -> None:
    made = start_prices()
    assert 0 < made["heads"] <= made["trunks"]


def test_a_stored_cache_holds_what_it_was_given(home: Home) -> None:
    maps = np.random.default_rng(0).random((70, 64, 2, 2)).astype(np.float32)
    cache = store(home, CacheSpec("any", "vgg16-mini", "random-0", size=64), maps, maps.mean((2, 3)))
    assert np.array_equal(cache.maps(), maps) and cache.ids[-1] == "69"
