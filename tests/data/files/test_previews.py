"""Pictures for display are as bright as a trunk's input, unless they are stretched."""

import numpy as np
from PIL import Image

from mammo.data.files.previews import preview_name, read_preview, save_preview, stretch, to_eight_bit
from mammo.data.files.raster import Depth, Raster
from mammo.images.resize import RESIZES, to_squares

RAMP = np.tile(np.arange(900, dtype=np.uint16), (1500, 1))


def test_a_preview_is_small_and_keeps_the_ratio(tmp_path):
    save_preview(Raster(RAMP * 72, 16), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.size == (192, 320)
        assert np.asarray(picture)[:, 0].max() < 10 and np.asarray(picture)[:, -1].min() > 245


def test_a_preview_has_the_brightness_that_a_trunk_sees(tmp_path):
    raster = Raster(RAMP * 4, 14)
    save_preview(raster, tmp_path / "a.jpg")
    (trunk_input,) = to_squares(raster.pixels, [(RESIZES["stretch"], 32)], raster.white)
    shown = read_preview(tmp_path / "a.jpg") / 255
    assert abs(shown.mean() - trunk_input.mean()) < 2e-3


def test_a_stretched_picture_reaches_white_and_a_black_one_stays_black():
    dark = Raster(RAMP // 10, 16)
    assert to_eight_bit(dark).max() == 0
    assert stretch(dark.pixels).max() == 255 and stretch(dark.pixels).min() == 0
    assert stretch(RAMP * 0).max() == 0


def test_previews_of_one_file_read_in_several_ways_have_several_names():
    ways = [
        (None, ""),
        (Depth(12), ""),
        (Depth(12, 2**15), ""),
        (Depth(10), ""),
        (None, "window"),
        (Depth(12), "window"),
    ]
    assert len({preview_name("0" * 64, *way) for way in ways}) == len(ways)
