import numpy as np
import pytest
from skimage.transform import resize as skimage_resize

from mammo.images.resize import RESIZES, fit_size, to_squares

stretch, letterbox = (RESIZES[name].apply for name in ("stretch", "letterbox"))

SHAPES = [(300, 200), (200, 300), (301, 97), (97, 301), (224, 224), (50, 40), (1000, 31), (7, 3), (1, 40)]


def picture(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 1, shape).astype(np.float32)


@pytest.mark.parametrize("size", [64, 224, 97])
@pytest.mark.parametrize("shape", SHAPES)
def test_stretch_is_scikit_images_resize_with_its_defaults(shape, size):
    shrunk = stretch(picture(shape), size)
    assert shrunk.dtype == np.float32 and shrunk.shape == (size, size)
    expected = skimage_resize(picture(shape).astype(np.float64), (size, size))
    assert np.abs(shrunk - expected).max() < 1e-5


@pytest.mark.parametrize("size", [64, 97])
@pytest.mark.parametrize("shape", SHAPES)
def test_letterbox_keeps_the_ratio_and_fills_with_black(shape, size):
    boxed = letterbox(picture(shape), size)
    assert boxed.dtype == np.float32 and boxed.shape == (size, size)
    rows, columns = np.flatnonzero(boxed.any(axis=1)), np.flatnonzero(boxed.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert max(height, width) == size
    assert abs(height - size * shape[0] / max(shape)) <= 1
    assert abs(width - size * shape[1] / max(shape)) <= 1
    before, after = rows[0] + columns[0], 2 * size - 2 - rows[-1] - columns[-1]
    assert after - before in (0, 1)
    inside = boxed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert inside.min() >= 0.19
    expected = skimage_resize(picture(shape).astype(np.float64), (height, width))
    assert np.abs(inside - expected).max() < 1e-5
    assert np.isclose(boxed.sum(), inside.sum(), rtol=1e-6)


@pytest.mark.parametrize("name", RESIZES)
def test_resizing_keeps_range_and_does_not_touch_its_input(name):
    before = picture((90, 41))
    original = before.copy()
    after = RESIZES[name].apply(before, 64)
    assert np.array_equal(before, original)
    assert after.min() >= 0 and after.max() <= before.max() + 1e-6


@pytest.mark.parametrize("name", RESIZES)
def test_more_than_eight_bits_survive(name):
    ramp = np.tile(np.linspace(0, 1, 640, dtype=np.float32), (640, 1))
    assert len(np.unique(RESIZES[name].apply(ramp, 320))) >= 320
    step = 1 / 65535
    flat = np.full((64, 64), 1000 * step, np.float32)
    brighter = np.full((64, 64), 1001 * step, np.float32)
    assert (RESIZES[name].apply(brighter, 64) - RESIZES[name].apply(flat, 64)).mean() == pytest.approx(step, rel=0.01)


def test_a_square_is_boxed_as_it_is_stretched():
    assert np.array_equal(letterbox(picture((80, 80)), 48), stretch(picture((80, 80)), 48))


def test_the_fitted_side_never_vanishes_or_sticks_out():
    for rows in (1, 2, 37, 224, 1999, 5041):
        for columns in (1, 3, 224, 2056):
            fit = fit_size((rows, columns), 224)
            assert max(fit) == 224 and min(fit) >= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_stored_integers_give_the_picture_that_their_floats_give(bits):
    white = 2**bits - 1
    pixels = np.random.default_rng(1).integers(0, white + 1, (333, 210)).astype(np.uint16 if bits == 16 else np.uint8)
    targets = [(RESIZES["stretch"], 64), (RESIZES["letterbox"], 64), (RESIZES["letterbox"], 48)]
    together = to_squares(pixels, targets, white)
    for (resize, size), square in zip(targets, together, strict=True):
        assert np.allclose(square, resize.apply(pixels / np.float32(white), size), rtol=0, atol=1e-6)
    expected = skimage_resize(pixels / white, (64, 64))
    assert np.abs(together[0] - expected).max() < 1e-5


def test_the_weights_of_every_result_sum_to_one():
    for length, size in [(5000, 224), (224, 5000), (3, 64), (1, 32), (225, 224)]:
        flat = to_squares(np.ones((length, 5), np.float32), [(RESIZES["stretch"], size)])[0]
        assert np.abs(flat - 1).max() < 1e-6
