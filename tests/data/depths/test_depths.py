"""The depth of films whose containers do not name it: measured on arrays, decided for groups, checked by hand."""

import numpy as np
import pytest

from mammo.data.depths.decision import CANDIDATES, estimate_depth
from mammo.data.depths.record import FilmGroup, GroupDepth, check_bits, decide
from mammo.data.files.levels import HALF, Levels, measure
from mammo.data.files.raster import Container, Depth, Raster
from mammo.errors import MammoError

PLAIN = FilmGroup("PNG", "", signed=False, inverted=False)
SIGNED = FilmGroup("NPY", "", signed=True, inverted=False)


def film(top: int, low: int = 0) -> Levels:
    """Return a film whose values run from `low` to `top`."""
    return Levels(low, top, max(abs(top - HALF), abs(HALF - 1 - low)))


def films(*tops: int) -> dict[str, Levels]:
    return {str(number): film(top) for number, top in enumerate(tops)}


def bits_of(*tops: int) -> int:
    return estimate_depth([films(*tops), {}], signed=False).bits


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_levels_leave_out_one_pixel_in_a_thousand(seed, signed, inverted):
    rng = np.random.default_rng(seed)
    stored = rng.gamma(2, 400, (300, 70)).astype(np.int64) + (HALF - 500) * signed
    pixels = (65535 - stored if inverted else stored).astype(np.uint16)
    levels = measure(pixels, Container(signed, inverted))
    ordered, spare = np.sort(stored.ravel()), stored.size // 1000
    away = np.sort(np.where(ordered >= HALF, ordered - HALF, HALF - 1 - ordered))
    assert (levels.low, levels.high, levels.reach) == (ordered[spare], ordered[-1 - spare], away[-1 - spare])


def test_a_label_on_less_than_a_thousandth_of_a_film_does_not_count():
    pixels = np.full((100, 100), 4000, np.uint16)
    pixels[0, :10] = 65535
    assert measure(pixels, Container()).high == 4000
    pixels[0, 10] = 65535
    assert measure(pixels, Container()).high == 65535


@pytest.mark.parametrize(
    ("top", "bits"), [(0, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16)]
)
def test_the_depth_is_the_smallest_that_holds_the_films(top, bits):
    assert bits_of(top, top, top) == bits and bits in CANDIDATES


def test_signed_values_that_are_never_negative_fill_the_fifteen_bits_that_their_container_has():
    figures = estimate_depth([films(*[HALF + 32767] * 3), {}], signed=True)
    assert (figures.scale.positive, figures.bits) == (False, 16)  # `films` run from the lowest value on
    above = {str(number): Levels(HALF, HALF + 32767, 32767) for number in range(3)}
    figures = estimate_depth([above, {}], signed=True)
    assert (figures.scale.depth(figures.bits), figures.bits) == (Depth(15, HALF), 15)
    assert figures.scale.widest == Depth(15, HALF)


def test_one_film_in_twenty_may_lie_beyond_the_depth_and_two_may_not():
    assert bits_of(*[3000] * 19, 65000) == 12
    assert bits_of(*[3000] * 18, 65000, 65000) == 16
    assert bits_of(*[3000] * 9, 65000) == 16


def test_many_crops_of_dark_tissue_do_not_outvote_their_films():
    crops = {f"crop {number}": film(900) for number in range(400)}
    assert estimate_depth([films(3800, 3900), crops], signed=False).bits == 12
    assert estimate_depth([{}, crops], signed=False).bits == 10
    assert estimate_depth([films(900), {"bright crop": film(3000)}], signed=False).bits == 12


@pytest.mark.parametrize(
    ("low", "top", "depth"),
    [
        (HALF, HALF + 4095, Depth(12, HALF)),
        (HALF + 7, HALF + 4096, Depth(14, HALF)),
        (HALF - 1, HALF + 2000, Depth(12, HALF - 2048)),
        (HALF - 2048, HALF + 2047, Depth(12, HALF - 2048)),
        (HALF - 2049, HALF + 5, Depth(14, HALF - 8192)),
        (0, 65535, Depth(16, 0)),
    ],
)
def test_signed_films_count_from_zero_where_they_are_not_negative_else_to_both_sides(low, top, depth):
    figures = estimate_depth([{"a": film(top, low)}, {}], signed=True)
    assert figures.scale.depth(figures.bits) == depth


def test_signed_pixels_get_black_at_zero():
    stored = np.array([[-3, 0, 1000, 4095, 5000]])
    raster = Raster((stored + HALF).astype(np.uint16), 16, container=Container(signed=True)).at_depth(Depth(12, HALF))
    assert raster.pixels.tolist() == [[0, 0, 1000, 4095, 4095]] and raster.clipped == 2


def test_films_a_factor_of_four_darker_than_their_group_are_listed():
    figures = estimate_depth([films(*[4000] * 4, 1001, 1000, 100), {"small": film(900)}], signed=False)
    assert figures.dark == {"5": 1000, "6": 100}


def test_groups_are_decided_apart_and_told_with_their_figures():
    kinds = {SIGNED: ({"a": film(HALF + 900, HALF)}, {}), PLAIN: (films(*[4000] * 20), films(3000))}
    npy, png = decide(kinds, "")
    assert (npy.group, npy.depth, png.group, png.depth) == (SIGNED, Depth(10, HALF), PLAIN, Depth(12))
    (sentence,) = png.sentences
    assert "PNG files are read at 12 bits, decided from the films" in sentence
    assert "95 % of 20 films and 1 crop do not exceed 4,000" in sentence
    assert GroupDepth.from_json(npy.to_json()) == npy
    assert decide({PLAIN: (films(60000), {})}, "")[0].depth is None


def test_a_recorded_decision_is_kept_and_a_contradiction_is_said():
    before = decide({PLAIN: (films(4000, 3900), {})}, "")
    now = {PLAIN: (films(4000, 3900, 60000), {}), SIGNED: ({"a": film(HALF + 900, HALF)}, {})}
    signed, plain = decide(now, "", before)
    assert (plain.bits, plain.needed, signed.bits) == (12, 16, 10)
    assert (
        "read at 12 bits, as an earlier index decided" in plain.contradiction and "--bits auto" in plain.contradiction
    )
    (_, again) = decide(now, "auto", before)
    assert again.depth is None and not again.contradiction


def test_what_the_user_names_holds_also_for_films_that_come_later():
    (record,) = decide({PLAIN: (films(900), {})}, "12")
    assert (record.bits, record.needed, record.chosen, record.contradiction) == (12, 10, "12", "")
    both = {PLAIN: (films(900), {}), SIGNED: ({"a": film(HALF + 900, HALF)}, {})}
    assert [record.depth for record in decide(both, "", [record])] == [Depth(12, HALF), Depth(12)]
    assert [record.depth for record in decide(both, "container", [record])] == [None, None]


@pytest.mark.parametrize("bits", ["7", "17", "twelve", "12.5", "-12", "AUTO "])
def test_other_words_for_a_depth_are_refused(bits):
    with pytest.raises(MammoError, match="--bits takes auto, container, or a number from 8 to 16, not"):
        check_bits(bits)
    assert [check_bits(word) for word in ("", "auto", "container", "8", "16")]
