import numpy as np
import pytest
from skimage.transform import resize as skimage_resize

from mammo.errors import MammoError
from mammo.images.microscope import CLOSEUP_SIDE, HALO, LINE, MAX_SIDE, advice, draw_outlines, resize_views
from mammo.images.resize import RESIZES


def film(shape=(500, 300)):
    return np.random.default_rng(0).uniform(0.1, 0.8, shape).astype(np.float32)


def disc(shape, row, column, radius):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def by_name(views):
    return {view.name: view for view in views}


def test_the_pictures_are_those_of_the_cache():
    picture = film()
    views = by_name(resize_views(picture, disc(picture.shape, 200, 100, 30), 64))
    assert list(views) == ["original", *RESIZES]
    for name, entry in RESIZES.items():
        assert np.array_equal(views[name].full.picture, entry.apply(picture, 64))


@pytest.mark.parametrize("shape", [(500, 300), (300, 500), (64, 48), (31, 200)])
@pytest.mark.parametrize("size", [48, 97])
def test_the_area_left_is_the_original_area_times_the_scale(shape, size):
    mask = disc(shape, 0.4 * shape[0], 0.5 * shape[1], 0.2 * min(shape))
    views = by_name(resize_views(film(shape), mask, size))
    assert views["original"].lesion_pixels == views["original"].clear_pixels == mask.sum()
    for name, entry in RESIZES.items():
        _, _, rows, columns = entry.placement(shape, size)
        scale = rows * columns / (shape[0] * shape[1])
        assert views[name].lesion_pixels == pytest.approx(mask.sum() * scale, rel=1e-4)
        assert views[name].lesion_pixels == pytest.approx(entry.apply(mask.astype(np.float32), size).sum(), rel=0.1)
        assert views[name].full.region.shape == (size, size)
        width, height = views[name].sizes[0]
        assert height == pytest.approx(mask.any(axis=1).sum() * rows / shape[0])
        assert width == pytest.approx(mask.any(axis=0).sum() * columns / shape[1])


def test_the_region_lies_where_the_resize_puts_the_lesion():
    mask = disc((500, 300), 400, 60, 40)
    picture = np.where(mask, 1, 0).astype(np.float32)
    for view in resize_views(picture, mask, 80):
        inside, outside = view.full.picture[view.full.region], view.full.picture[~view.full.region]
        assert inside.min() > 0.3 and outside.max() < 0.7 and inside.mean() > 0.9 and outside.mean() < 0.01
        assert view.closeup.picture[view.closeup.region].mean() > 0.9
        assert view.closeup.picture[~view.closeup.region].mean() < 0.1


def test_clear_pixels_are_those_half_covered():
    mask = disc((500, 300), 250, 150, 60)
    view = by_name(resize_views(film(), mask, 50))["stretch"]
    smooth = skimage_resize(mask.astype(np.float64), (50, 50))
    assert view.clear_pixels == view.full.region.sum()
    assert (view.full.region ^ (smooth >= 0.5)).sum() <= 4


def test_a_vanishing_lesion_has_less_than_a_pixel_and_is_shown_all_the_same():
    alone, both = np.zeros((1000, 500), np.bool_), np.zeros((1000, 500), np.bool_)
    alone[251:253, 126] = both[251:253, 126] = True
    both[750:850, 225:325] = True
    picture = np.zeros(alone.shape, np.float32)
    single = by_name(resize_views(picture, alone, 32))["letterbox"]
    assert 0 < single.lesion_pixels < 0.01 and single.clear_pixels == 0
    assert single.full.region.sum() == 1
    pair = by_name(resize_views(picture, both, 32))["letterbox"]
    assert pair.full.region[8, 12] and len(pair.sizes) == 2
    assert pair.sizes[0] == pytest.approx((3.2, 3.2)) and pair.sizes[1] == pytest.approx((0.032, 0.064))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (499, 299), (0, 299), (499, 0), (250, 0)])
def test_a_lesion_at_the_border_keeps_its_close_up(row, column):
    for view in resize_views(film(), disc((500, 300), row, column, 25), 64):
        assert view.closeup.picture.shape == view.closeup.region.shape == (CLOSEUP_SIDE, CLOSEUP_SIDE)
        assert view.closeup.region.any() and not view.closeup.region.all()
        image = draw_outlines(view.closeup)
        assert (image == LINE).all(axis=2).any()


def test_a_lesion_that_fills_the_picture():
    for view in resize_views(film((90, 60)), np.ones((90, 60), np.bool_), 48):
        assert view.closeup.region.any()
        assert draw_outlines(view.full).shape[2] == 3


@pytest.mark.parametrize("mask", [None, np.zeros((500, 300), np.bool_)])
def test_without_a_lesion_there_is_no_close_up(mask):
    for view in resize_views(film(), mask, 64):
        assert view.closeup is None and view.box is None and view.sizes == ()
        assert view.lesion_pixels == view.clear_pixels == 0
        image = draw_outlines(view.full)
        assert (image[..., 0] == image[..., 1]).all()


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(MammoError, match=r"The mask's shape \(5, 4\) differs from the picture's \(500, 300\)"):
        resize_views(film(), np.zeros((5, 4), np.bool_), 64)


@pytest.mark.parametrize("shape", [(1850, 700), (40, 30), (1, 50)])
def test_the_original_fits_the_screen(shape):
    mask = np.zeros(shape, np.bool_)
    mask[shape[0] // 2, shape[1] // 2] = True
    view = resize_views(film(shape), mask, 32)[0]
    assert max(view.full.picture.shape) <= MAX_SIDE
    assert view.lesion_pixels == 1 and view.full.region.sum() == 1
    top, _, bottom, _ = view.box
    factor = shape[0] / view.full.picture.shape[0]
    assert top * factor <= shape[0] // 2 < bottom * factor


def test_the_outline_is_thin_and_leaves_the_lesion_uncovered():
    picture = film((300, 300))
    mask = disc(picture.shape, 150, 150, 40)
    view = by_name(resize_views(picture, mask, 100))["stretch"]
    image = draw_outlines(view.full)
    line, halo = ((image == colour).all(axis=2) for colour in (LINE, HALO))
    region = np.kron(view.full.region, np.ones((9, 9), np.bool_))
    assert image.shape == (900, 900, 3) and image.dtype == np.uint8
    assert line.any() and halo.any() and not (line | halo)[region].any()
    assert line.sum() < 0.01 * line.size
    grey = (np.kron(view.full.picture, np.ones((9, 9), np.float32)) * 255 + 0.5).astype(np.uint8)
    untouched = ~(line | halo)
    assert np.array_equal(image[untouched], np.repeat(grey[untouched][:, None], 3, axis=1))


def test_close_ups_show_the_pixels_of_the_trunk_unchanged():
    picture = film((600, 400))
    view = by_name(resize_views(picture, disc(picture.shape, 300, 200, 40), 64))["letterbox"]
    assert set(np.unique(view.closeup.picture)) <= set(np.unique(view.full.picture))
    assert view.closeup.region.mean() == pytest.approx(np.pi / 4 / 2.5**2, rel=0.4)


def test_advice_follows_the_figures():
    picture, mask = np.zeros((1000, 500), np.float32), np.zeros((1000, 500), np.bool_)
    assert advice(resize_views(picture, mask, 64), [64, 224]) == ""
    mask[500:520, 200:220] = True
    few = resize_views(picture, mask, 64)
    assert few[1].lesion_pixels < 20 and "Stretch keeps most" in advice(few, [64, 224])
    assert "Stretch at 224 pixels or more, or crops of lesions" in advice(few, [64, 224])
    assert "Stretch makes lesions 2.0 times as wide for their height" in advice(few, [64, 224])
    assert "take crops of lesions" in advice(few, [64])
    assert "noise" not in advice(resize_views(picture, mask, 448), [64, 224])
