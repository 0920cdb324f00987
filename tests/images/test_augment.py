import math
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from mammo.errors import MammoError
from mammo.images.augment import AUGMENTATIONS, Warp, default_draws, versions


def keras_alike(picture, theta, tx, ty, shear, zx, zy):
    """Keras' `apply_affine_transform(fill_mode="nearest", order=1)`, reimplemented; shifts in pixels."""
    turn, lean = math.radians(theta), math.radians(shear)
    matrix = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    matrix = matrix @ [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    matrix = matrix @ [[1, -math.sin(lean), 0], [0, math.cos(lean), 0], [0, 0, 1]]
    matrix = matrix @ [[zx, 0, 0], [0, zy, 0], [0, 0, 1]]
    middle = (picture.shape[0] / 2 - 0.5, picture.shape[1] / 2 - 0.5)
    centre = np.array([[1, 0, middle[0]], [0, 1, middle[1]], [0, 0, 1]])
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    matrix = swap @ (centre @ matrix @ np.linalg.inv(centre)) @ swap
    return affine_transform(picture, matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest")


def in_keras_numbers(warp, size):
    return warp.theta, warp.tx * size, warp.ty * size, warp.shear, warp.zx, warp.zy


def warps(augment, images=24):
    draws = range(1, 1 + default_draws(augment))
    return [AUGMENTATIONS[augment].draw(f"P_{n:05d}_LEFT_CC", draw) for n in range(images) for draw in draws]


def run(pictures, chosen):
    import torch

    from mammo.images.warp import warp_pictures

    return warp_pictures(torch.from_numpy(pictures), chosen).numpy()


@pytest.mark.parametrize("size", [32, 65, 224])
@pytest.mark.parametrize("augment", ["generator", "sevenfold"])
def test_a_warp_is_that_of_keras(augment, size):
    """On noise, which shows a shift of 1e-5 pixels."""
    chosen = warps(augment)[:42]
    pictures = np.random.default_rng(size).random((len(chosen), size, size), dtype=np.float32)
    for picture, warp, warped in zip(pictures, chosen, run(pictures, chosen), strict=True):
        expected = keras_alike(picture, *in_keras_numbers(warp, size))
        expected = expected[::-1] if warp.flip_rows else expected
        expected = expected[:, ::-1] if warp.flip_columns else expected
        assert np.abs(warped - expected).max() < 1e-6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(not find_spec("keras"), reason="Keras is not installed")
def test_a_warp_is_that_of_keras_itself():
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    pictures = np.random.default_rng(0).random((50, 96, 96), dtype=np.float32)
    chosen = [Warp(*(getattr(warp, name) for name in ("theta", "tx", "ty", "shear", "zx", "zy"))) for warp in
              warps("generator")[:50]]  # fmt: skip
    for picture, warp, warped in zip(pictures, chosen, run(pictures, chosen), strict=True):
        expected = apply_affine_transform(
            picture[..., None], *in_keras_numbers(warp, 96), row_axis=0, col_axis=1, channel_axis=2
        )
        assert np.abs(warped - expected[..., 0]).max() < 1e-6


def test_one_warp_by_hand():
    """A shift by full pixels along each axis; the edge is repeated."""
    picture = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    warped = run(picture, [Warp(tx=0.25, ty=-0.5)])[0]
    assert np.allclose(warped, picture[0][[0, 0, 0, 1]][:, [1, 2, 3, 3]], atol=1e-6)


def test_flips_move_pixels_and_change_none():
    pictures = np.random.default_rng(0).random((3, 32, 32), dtype=np.float32)
    flipped = run(pictures, [Warp(flip_rows=True), Warp(), Warp(flip_rows=True, flip_columns=True)])
    assert np.array_equal(flipped[0], pictures[0, ::-1])
    assert np.array_equal(flipped[1], pictures[1])
    assert np.array_equal(flipped[2], pictures[2, ::-1, ::-1])


def test_a_picture_is_warped_the_same_whatever_stands_beside_it():
    pictures = np.random.default_rng(0).random((9, 40, 40), dtype=np.float32)
    chosen = warps("generator")[:9]
    batch = run(pictures, chosen)
    for number in range(9):
        assert np.array_equal(run(pictures[[number]], [chosen[number]])[0], batch[number])


def test_the_draws_are_those_of_the_report_s_generator():
    draws = warps("generator", 400)
    for field, middle, reach in (
        ("theta", 0, 40), ("tx", 0, 0.2), ("ty", 0, 0.2), ("shear", 0, 0.2), ("zx", 1, 0.2), ("zy", 1, 0.2)
    ):  # fmt: skip
        values = (np.array([getattr(draw, field) for draw in draws]) - middle) / reach
        assert -1 <= values.min() < -0.99 and 0.99 < values.max() <= 1, field
        assert abs(values.mean()) < 0.03 and abs(values.std() - 1 / math.sqrt(3)) < 0.02, field
    assert 0.47 < np.mean([draw.flip_columns for draw in draws]) < 0.53
    assert not any(draw.flip_rows for draw in draws)
    assert abs(np.corrcoef([draw.zx for draw in draws], [draw.zy for draw in draws])[0, 1]) < 0.06


def test_a_draw_is_fixed_for_good_and_its_own():
    assert len(set(warps("generator"))) == len(warps("generator"))
    first = AUGMENTATIONS["generator"].draw("P_00001_LEFT_CC", 1)
    assert (first.theta, first.tx, first.flip_columns) == (
        pytest.approx(-28.491040722598377), pytest.approx(0.044909458627247247), True
    )  # fmt: skip


def test_the_seven_copies_are_those_of_breastnet18():
    picture = np.random.default_rng(0).random((1, 48, 48), dtype=np.float32)
    copies = [run(picture, [AUGMENTATIONS["sevenfold"].draw("any", number)])[0] for number in range(1, 8)]
    mirrored = np.ascontiguousarray(picture[:, :, ::-1])
    turned = [run(copy, [Warp(theta=angle)])[0] for copy in (picture, mirrored) for angle in (30, -30)]
    expected = [picture[0, ::-1], mirrored[0], mirrored[0, ::-1], *turned]
    for copy, model in zip(copies, expected, strict=True):
        assert np.allclose(copy, model, atol=1e-6)
    assert len({copy.tobytes() for copy in [picture[0], *copies]}) == 8


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_says_what_it_can_and_how_it_is_used(name):
    entry = AUGMENTATIONS[name]
    low, high = entry.draws
    assert low <= entry.default_draws <= high
    assert versions(name, entry.default_draws) == 1 + entry.default_draws == 1 + default_draws(name)
    assert entry.all_in_every_epoch == (0 < low == high)
    takes = str(low) if low == high else f"{low} to {high}"
    with pytest.raises(MammoError, match=f"The augmentation '{name}' takes {takes} draws, not {high + 1}"):
        versions(name, high + 1)
    with pytest.raises(MammoError, match="There is no augmentation 'x'; choose one of: generator, none, sevenfold"):
        default_draws("x")
