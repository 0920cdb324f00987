import io
import itertools

import numpy as np
import pytest
from PIL import Image

from mammo.data.likeness import DIGITS, image_hash, near_duplicates
from mammo.data.phantom import PhantomSpec, draw_patients, render_view

HEIGHT = 512


@pytest.fixture(scope="module")
def films():
    """The views of some patients, by patient, breast and view; 16 bit."""
    patients = draw_patients(PhantomSpec(30, 4, HEIGHT))
    views = {
        (patient.name, breast.side, view): render_view(patient, breast, view, HEIGHT).image
        for patient in patients
        for breast in patient.breasts
        for view in ("CC", "MLO")
    }
    return dict(itertools.islice(views.items(), 24))


def eight_bit(pixels):
    return (pixels // 257).astype(np.uint8)


def half(pixels):
    size = pixels.shape[1] // 2, pixels.shape[0] // 2
    shrunk = Image.fromarray(pixels.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(shrunk).round().astype(np.uint16)


def jpeg(pixels):
    stream = io.BytesIO()
    Image.fromarray(eight_bit(pixels)).save(stream, "JPEG", quality=75)
    return np.asarray(Image.open(stream))


def cropped(pixels):
    rows, columns = (round(0.02 * side) for side in pixels.shape)
    return pixels[rows:, :-columns]


def brightened(pixels):
    return np.minimum(pixels * 1.1, 65535).astype(np.uint16)


ALTERED = {
    "half the size": half,
    "JPEG": jpeg,
    "8 bit": eight_bit,
    "brighter": brightened,
    "darker": lambda pixels: (pixels * 0.9).astype(np.uint16),
    "gamma 0.9": lambda pixels: ((pixels / 65535) ** 0.9 * 65535).astype(np.uint16),
    "gamma 1.1": lambda pixels: ((pixels / 65535) ** 1.1 * 65535).astype(np.uint16),
    "cropped by 2 %": cropped,
    "brighter, half the size, JPEG": lambda pixels: jpeg(half(brightened(pixels))),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_copy_is_a_near_duplicate_of_its_film_and_of_no_other(films, name):
    whole = [image_hash(pixels) for pixels in films.values()]
    for place, pixels in enumerate(films.values()):
        copy = image_hash(ALTERED[name](pixels))
        assert near_duplicates([copy], [whole[place]]).tolist() == [True]
        assert near_duplicates([copy], whole[:place] + whole[place + 1 :]).tolist() == [False]


def test_no_film_is_a_near_duplicate_of_another_view_breast_or_patient(films):
    assert len(films) == 24 and len({patient for patient, _, _ in films}) > 3
    whole = [image_hash(pixels) for pixels in films.values()]
    alike = [near_duplicates([one], [other])[0] for one, other in itertools.permutations(whole, 2)]
    assert not any(alike)


def test_many_are_compared_as_one_by_one(films):
    whole = [image_hash(pixels) for pixels in films.values()]
    train = [*whole[:10], image_hash(cropped(films[list(films)[12]]))]
    assert np.flatnonzero(near_duplicates(whole, train)).tolist() == [*range(10), 12]


@pytest.mark.parametrize("missing", ["", None, float("nan"), "abc", "x" * DIGITS, "é" * DIGITS])
def test_a_missing_or_foreign_hash_has_no_duplicate(films, missing):
    known = image_hash(next(iter(films.values())))
    assert near_duplicates([missing, known], [missing]).tolist() == [False, False]
    assert near_duplicates([missing, known], [missing, known]).tolist() == [False, True]
    assert near_duplicates([known], []).tolist() == [False]
    assert near_duplicates([], [known]).tolist() == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (41, 39), (700, 20)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_any_size_and_depth_has_a_hash_and_an_even_image_no_duplicate(shape, kind):
    for value in (0, 200):
        even = image_hash(np.full(shape, value, dtype=kind))
        assert even == "8" * DIGITS
        assert not near_duplicates([even], [even])[0]
    noise = np.random.default_rng(0).integers(0, 255, shape).astype(kind)
    assert len(image_hash(noise)) == DIGITS and set(image_hash(noise)) <= set("0123456789abcdef")
