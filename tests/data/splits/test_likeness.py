import io
import itertools

import numpy as np
import pytest
from PIL import Image

from mammo.data.phantom import PhantomSpec, draw_patients, render_view
from mammo.data.splits.likeness import ALIKE, DIGITS, VERSION, image_hash, likeness, near_duplicates

HEIGHT = 512


@pytest.fixture(scope="module")
def films():
    """The 16-bit views of some patients, by patient, breast and view."""
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
    hashes = [image_hash(pixels) for pixels in films.values()]
    for number, pixels in enumerate(films.values()):
        copy = image_hash(ALTERED[name](pixels))
        assert near_duplicates([copy], [hashes[number]]).tolist() == [True]
        assert near_duplicates([copy], hashes[:number] + hashes[number + 1 :]).tolist() == [False]


def test_no_film_is_a_near_duplicate_of_another_view_breast_or_patient(films):
    assert len(films) == 24 and len({patient for patient, _, _ in films}) > 3
    hashes = [image_hash(pixels) for pixels in films.values()]
    alike = [
        near_duplicates([test_hash], [train_hash])[0] for test_hash, train_hash in itertools.permutations(hashes, 2)
    ]
    assert not any(alike)


def test_many_are_compared_as_one_by_one(films):
    hashes = [image_hash(pixels) for pixels in films.values()]
    train = [*hashes[:10], image_hash(cropped(films[list(films)[12]]))]
    assert np.flatnonzero(near_duplicates(hashes, train)).tolist() == [*range(10), 12]


@pytest.mark.parametrize("missing", ["", None, float("nan"), "abc", "x" * DIGITS, "é" * DIGITS])
def test_a_missing_or_foreign_hash_has_no_duplicate(films, missing):
    valid = image_hash(next(iter(films.values())))
    assert near_duplicates([missing, valid], [missing]).tolist() == [False, False]
    assert near_duplicates([missing, valid], [missing, valid]).tolist() == [False, True]
    assert near_duplicates([valid], []).tolist() == [False]
    assert near_duplicates([], [valid]).tolist() == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (41, 39), (700, 20)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_any_size_and_depth_has_a_hash_and_an_even_image_no_duplicate(shape, kind):
    for value in (0, 200):
        even = image_hash(np.full(shape, value, dtype=kind))
        assert even == VERSION + "8" * 2 * DIGITS
        assert not near_duplicates([even], [even])[0]
    noise = np.random.default_rng(0).integers(0, 255, shape).astype(kind)
    digits = image_hash(noise).removeprefix(VERSION)
    assert len(digits) == 2 * DIGITS and set(digits) <= set("0123456789abcdef")


def banded(left, right, ends, value):
    """Returns a function that pads a film with black or white bands, given as shares of its sides."""

    def pad(pixels):
        rows, columns = pixels.shape
        wide = (round(ends * rows),) * 2, (round(left * columns), round(right * columns))
        return np.pad(pixels, wide, constant_values=value)

    return pad


PADDED = {
    "black on the left": banded(0.5, 0, 0, 0),
    "black on both sides": banded(0.3, 0.4, 0, 0),
    "white on the right": banded(0, 0.6, 0, 65535),
    "white on both sides": banded(0.4, 0.4, 0, 65535),
    "black all around": banded(0.2, 0.2, 0.1, 0),
    "white within black": lambda pixels: banded(0.3, 0.3, 0, 0)(banded(0.05, 0.05, 0.05, 65535)(pixels)),
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_makes_no_two_films_alike_and_seldom_hides_a_copy(films, name):
    chosen = list(films.values())[::2]
    bare = [image_hash(pixels) for pixels in chosen]
    padded = [image_hash(PADDED[name](pixels)) for pixels in chosen]
    same = np.eye(len(chosen), dtype=bool)
    for alike in (likeness(padded, padded), likeness(padded, bare)):
        assert alike[~same].max() < ALIKE - 0.05
        assert np.median(alike[same]) >= ALIKE


def test_likeness_is_symmetric(films):
    originals = [image_hash(pixels) for pixels in list(films.values())[:8]]
    copies = [image_hash(alter(pixels)) for alter, pixels in zip(ALTERED.values(), films.values(), strict=False)]
    for enough in (ALIKE, 1.0):
        np.testing.assert_allclose(
            likeness(originals, copies, enough), likeness(copies, originals, enough).T, atol=1e-5
        )
    assert (near_duplicates(originals, copies) == near_duplicates(copies[:8], originals)).all()


def test_a_mirrored_copy_is_found(films):
    for pixels in list(films.values())[:6]:
        original = image_hash(pixels)
        for copy in (pixels[:, ::-1], jpeg(half(pixels[:, ::-1])), cropped(pixels)[:, ::-1]):
            assert near_duplicates([image_hash(copy)], [original])[0]


def test_hashes_of_earlier_versions_are_compared_with_their_like_alone(films):
    current = [image_hash(pixels) for pixels in list(films.values())[:3]]
    earlier = [text.removeprefix(VERSION)[:DIGITS].replace("0", "8") for text in current]
    assert near_duplicates(earlier, earlier[1:]).tolist() == [False, True, True]
    assert not near_duplicates(earlier, current).any() and not near_duplicates(current, earlier).any()
    assert near_duplicates([*earlier, *current], [earlier[0], current[1]]).tolist() == [True, *[False] * 3, True, False]


def test_real_films_are_found_again_and_never_taken_for_one_another(samples):
    real = [np.asarray(Image.open(path)) for path in sorted((samples / "full-png").iterdir())]
    assert len(real) == 2
    hashes = [image_hash(pixels) for pixels in real]
    bands = [
        banded(top, left, right, value) for top, left, right in ((0.4, 0.3, 0), (0.6, 0, 0.1)) for value in (0, 255)
    ]
    for pad in (np.asarray, *bands):
        padded = [image_hash(pad(pixels)) for pixels in real]
        assert likeness(padded[:1], padded[1:]).max() < 0.5
    for number, pixels in enumerate(real):
        small = pixels[::4, ::4]
        for copy in (small, cropped(small), small[:, ::-1], banded(0.3, 0.3, 0, 0)(small)):
            alike = likeness([image_hash(copy)], hashes)[0]
            assert alike[number] >= ALIKE and alike[1 - number] < 0.5
