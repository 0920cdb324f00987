import numpy as np
import pytest

from mammo.data.phantom import PATCH_FINDINGS, PhantomSpec, draw_patients, lesion_patch, render_view
from mammo.images.enhance import LONGEST, STEPS, enhance, trace
from mammo.images.film import block_average, find_borders, find_breast
from mammo.images.preprocess import PREPROCESSINGS

HEIGHT = 400


def films(images=24, seed=11):
    """Yield rendered phantoms: the picture and the mask of all its lesions."""
    for patient in draw_patients(PhantomSpec(images=images, seed=seed, height=HEIGHT)):
        for which in patient.breasts:
            for view in which.views:
                rendered = render_view(patient, which, view, HEIGHT)
                yield (
                    rendered.image.astype(np.float32) / 65535,
                    np.any([mask for _, mask in rendered.lesions] or [], axis=0),
                )


@pytest.fixture(scope="module")
def phantoms():
    return [(picture, mask) for picture, mask in films() if mask.shape]


def film(breast_side="left", shape=(400, 240)):
    """Return a plain film: half an ellipse of tissue on dark air with grain."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    depth = 1 - ((y - shape[0] / 2) / (0.38 * shape[0])) ** 2 - (x / (0.6 * shape[1])) ** 2
    tissue = 0.5 * (1 - np.exp(-8 * np.maximum(depth, 0)))
    picture = (tissue + 0.01 + np.random.default_rng(0).normal(0, 0.002, shape)).clip(0, 1).astype(np.float32)
    return picture if breast_side == "left" else np.ascontiguousarray(picture[:, ::-1])


def artefact_free(picture):
    for name in ("shrink", "borders", "breast"):
        picture = STEPS[name].apply(picture)
    return picture


def test_enhanced_is_a_preprocessing():
    assert PREPROCESSINGS["enhanced"].apply is enhance


def test_the_trace_ends_in_what_enhance_returns():
    picture = film()
    after = trace(picture)
    assert [label for label, _ in after] == [step.label for step in STEPS.values()]
    assert np.array_equal(after[-1][1], enhance(picture))


@pytest.mark.slow
def test_lesions_survive_and_the_breast_lies_on_the_left(phantoms):
    assert len(phantoms) >= 20
    for picture, mask in phantoms:
        cleared = artefact_free(picture)
        white = find_borders(picture)
        inside = mask & ~white & (picture > 0.08)
        assert inside.any() and (cleared[inside] == picture[inside]).all()
        result = enhance(picture)
        half = result.shape[1] // 2
        assert result[:, :half].sum() > result[:, -half:].sum()


@pytest.mark.parametrize("side", ["left", "right"])
def test_labels_and_tape_go_and_the_breast_stays(side):
    clean = film(side)
    away = slice(170, 220) if side == "left" else slice(20, 70)
    defaced = clean.copy()
    defaced[20:60, away] = 0.85
    defaced[30:50, away][:, 10:20] = 0.1
    defaced[385:395, away] += 0.25
    cleared = artefact_free(defaced)
    assert (cleared[:80, away] == 0).all() and (cleared[380:, away] == 0).all()
    tissue = clean > 0.06
    assert (cleared[tissue] == clean[tissue]).mean() > 0.999


def test_a_label_that_touches_the_breast_is_cut_off():
    picture = film()
    picture[60:110, 70:200] = 0.85
    cleared = artefact_free(picture)
    assert (cleared[60:110, 125:200] == 0).all()
    assert (cleared[150:250, :130] == picture[150:250, :130]).all()


@pytest.mark.parametrize("tilt", [0, 4])
def test_a_white_border_is_neither_the_breast_nor_left_over(tilt):
    picture = film()
    width = (6 + np.linspace(0, tilt, 400)).astype(int)
    white = np.arange(240)[None, :] < width[:, None]
    white |= np.arange(240)[None, :] >= 236
    white[:4] = True
    picture[white] = 0.99
    cleared = artefact_free(picture)
    assert (find_borders(picture) & white).sum() == white.sum()
    assert (cleared[white] == 0).all()
    tissue = (picture > 0.06) & ~white
    assert (cleared[tissue] == picture[tissue]).mean() > 0.99


def test_the_film_of_a_broad_white_area_is_no_border():
    picture = film()
    picture[:150, :90] = 0.99
    assert not find_borders(picture).any()
    assert not find_borders(np.ones((80, 60), np.float32)).any()


def test_the_side_is_read_from_pixels():
    left, right = enhance(film("left")), enhance(film("right"))
    assert np.abs(left - right).mean() < 0.02
    assert np.array_equal(STEPS["side"].apply(film("left")), film("left"))


def test_fog_on_the_film_does_not_hide_the_breast():
    foggy = 0.8 * film() + 0.1
    mask = find_breast(foggy)
    assert mask is not None and mask[200, 60] and not mask[20, 220]


@pytest.mark.parametrize("finding", PATCH_FINDINGS)
def test_crops_of_lesions_keep_all_their_pixels(finding):
    for seed in range(12):
        patch = np.asarray(lesion_patch(np.random.default_rng(seed), finding, 64), np.float32)
        tissue = patch > 0.05
        assert tissue.mean() > 0.3 and (artefact_free(patch)[tissue] == patch[tissue]).all()
        result = STEPS["clahe"].apply(patch)
        assert result.shape == patch.shape and np.corrcoef(result.ravel(), patch.ravel())[0, 1] > 0.5


def test_real_crops_and_films(samples):
    from PIL import Image

    from mammo.data.files.dicom.dicom import read_dicom

    crops = [read_dicom(path).to_float() for path in sorted((samples / "nbia").rglob("*.dcm"))]
    assert len(crops) == 5
    for crop in crops:
        cleared = artefact_free(crop)
        assert (cleared == crop).mean() > 0.98
    for path in sorted((samples / "full-png").glob("*.png")):
        picture = np.asarray(Image.open(path), np.float32) / 255
        result = artefact_free(picture)
        rows, columns = result.shape
        assert (result[: rows // 3, : columns // 4] == 0).all()
        assert 0.2 < (result > 0).mean() < 0.7 and result.max() < 0.999
        assert enhance(picture)[:, : columns // 2].sum() > enhance(picture)[:, columns // 2 :].sum()


ODD = {
    "black": np.zeros((300, 200)),
    "white": np.ones((300, 200)),
    "grey": np.full((300, 200), 0.4),
    "one column": np.linspace(0, 1, 90)[:, None],
    "one row": np.linspace(0, 1, 90)[None, :],
    "one pixel": np.full((1, 1), 0.3),
    "two by two": np.array([[0, 1], [1, 0]]),
    "tall": np.random.default_rng(1).random((5000, 3)),
    "noise": np.random.default_rng(2).random((64, 64)),
    "half": np.pad(np.full((300, 80), 0.6), ((0, 0), (0, 120))),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_come_through(name):
    picture = ODD[name].astype(np.float32)
    original = picture.copy()
    result = enhance(picture)
    assert np.array_equal(picture, original)
    assert result.dtype == np.float32 and result.ndim == 2 and np.isfinite(result).all()
    assert result.min() >= 0 and result.max() <= 1 and max(result.shape) <= LONGEST
    assert np.array_equal(result, enhance(picture))


@pytest.mark.parametrize("name", ["black", "white", "grey"])
def test_blank_pictures_stay_blank(name):
    assert np.ptp(enhance(ODD[name].astype(np.float32))) == 0


def test_large_films_are_averaged_without_losing_light():
    picture = np.random.default_rng(3).random((5000, 2900)).astype(np.float32)
    small = block_average(picture, LONGEST)
    assert small.shape == (1667, 967) and small.dtype == np.float32
    assert small[10, 20] == pytest.approx(picture[30:33, 60:63].mean(), rel=1e-5)
    assert small[-1, -1] == pytest.approx(picture[4998:, 2898:].mean(), rel=1e-5)
    assert np.array_equal(block_average(picture[:300, :200], LONGEST), picture[:300, :200])


def test_contrast_rises_within_its_bound_and_air_stays_black():
    after = dict(zip(STEPS, (picture for _, picture in trace(film())), strict=True))
    assert (after["gamma"] == 0).mean() > 0.4
    assert (after["clahe-again"][after["gamma"] == 0] == 0).all()
    ramp = np.tile(np.linspace(0.2, 0.8, 512, dtype=np.float32), (512, 1))
    before, behind = (picture[:, ::16].mean(axis=0) for picture in (ramp, STEPS["clahe"].apply(ramp)))
    gain = np.diff(behind) / np.diff(before)
    assert 1.4 < gain.max() < 2.5


def test_more_than_eight_bits_survive():
    assert len(np.unique(enhance(film()))) > 2000
