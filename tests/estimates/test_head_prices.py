"""Prices of training explain known times, and are measured by real trainings."""

from __future__ import annotations

import numpy as np
import pytest

from mammo.estimates import head_prices as head_prices_module
from mammo.estimates.head_prices import TRAININGS, _training, fit_prices, head_prices, tail_prices
from mammo.estimates.prices import Prices
from mammo.estimates.work import PRICES, Amounts, SplitSizes


def test_prices_are_recovered_from_the_times_they_give() -> None:
    true = {name: price * (1 + 0.3 * (-1) ** number) for number, (name, price) in enumerate(PRICES.items())}

    def seconds(prices: Prices, amounts: Amounts) -> float:
        return sum(prices[name] * amount for name, amount in amounts.items() if amount)

    timed = [work.amounts(threads=2) for work in TRAININGS]
    fitted = fit_prices(timed, np.array([seconds(true, amounts) for amounts in timed]))
    assert set(fitted) <= set(PRICES)
    unseen = _training(100, 0, 12_544, SplitSizes(1500, 200, 2300), batch=64, epochs=30, splits=2).amounts(threads=2)
    assert seconds(fitted, unseen) == pytest.approx(seconds(true, unseen), rel=0.1)


def test_heads_are_really_timed(tmp_path, monkeypatch) -> None:
    small = tuple(_training(heads, hidden, 64, SplitSizes(32, 8, 48), 8, 2) for heads in (1, 8) for hidden in (0, 4))
    smaller = {
        "TRAININGS": small,
        "REPEATS": 1,
        "IMAGES_READ": 64,
        "NUMBERS_STORED": 1000,
        "PROBE_IMAGES": 8,
        "PROBE_LENGTH": 8,
    }
    for name, value in smaller.items():
        monkeypatch.setattr(head_prices_module, name, value)
    prices = head_prices(tmp_path, "cpu")
    assert set(prices) <= set(PRICES) and {"unit", "stored", "loaded", "crossed", "factored"} <= set(prices)
    assert all(price >= 0 for price in prices.values()) and sum(prices.values()) > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("finetune", ["none", "last-layer", "last-block"])
def test_tails_are_really_timed(finetune) -> None:
    prices = tail_prices("resnet50-mini", finetune, "float32", 64, "cpu")
    assert set(prices) == ({"scored"} if finetune == "none" else {"prepared", "trained", "scored"})
    assert all(price >= 0 for price in prices.values()) and sum(prices.values()) > 0
