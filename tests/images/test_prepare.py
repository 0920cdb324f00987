import dataclasses
import os

import numpy as np
import pytest

from mammo.data.dataset.dataset import Dataset
from mammo.data.files import indexed_file
from mammo.data.files.indexed_file import IndexedFile
from mammo.data.files.reading import read_image
from mammo.errors import MammoError
from mammo.images.prepare import Variant, prepare, prepare_stacks
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.specs import CacheSpec

STRETCH, BOX = Variant("builtin", "stretch", 64), Variant("builtin", "letterbox", 48)


@pytest.fixture
def source(tiny, tmp_path):
    """The indexed file of one image, which a test may change."""
    dataset = Dataset.open(tiny, "tiny")
    row = dataset.images.iloc[0]
    path = tmp_path / "1-1.dcm"
    path.write_bytes(dataset.path(row["file"]).read_bytes())
    os.utime(path, ns=(row["modified"], row["modified"]))
    return IndexedFile(row["image"], path, row["bytes"], row["modified"], row["digest"])


def test_every_variant_is_what_it_is_alone(source):
    both = prepare((source, (STRETCH, BOX)))
    picture = read_image(source.path).to_float()
    assert [square.shape for square in both] == [(64, 64), (48, 48)]
    assert np.allclose(both[0], RESIZES["stretch"].apply(picture, 64), rtol=0, atol=1e-6)
    assert np.allclose(both[1], RESIZES["letterbox"].apply(picture, 48), rtol=0, atol=1e-6)
    for alone, variant in zip(both, (STRETCH, BOX), strict=True):
        assert np.array_equal(prepare((source, (variant,)))[0], alone)


def test_several_files_together_are_those_one_by_one(tiny):
    dataset = Dataset.open(tiny, "tiny")
    sources = tuple(dataset.sources(dataset.images)[:3])
    stacks = prepare_stacks((sources, (STRETCH, BOX)))
    assert [stack.shape for stack in stacks] == [(3, 64, 64), (3, 48, 48)]
    for number, source in enumerate(sources):
        for stack, picture in zip(stacks, prepare((source, (STRETCH, BOX))), strict=True):
            assert np.array_equal(stack[number], picture)


def test_a_file_is_read_once_for_all_variants(source, monkeypatch):
    read = []
    monkeypatch.setattr(
        indexed_file, "read_image", lambda path, **options: read.append(path) or read_image(path, **options)
    )
    assert len(prepare((source, (STRETCH, BOX, Variant("builtin", "stretch", 32))))) == 3
    assert read == [source.path]


def test_sixteen_bits_reach_the_trunk(source):
    (picture,) = prepare((source, (STRETCH,)))
    assert picture.dtype == np.float32
    assert np.unique(picture * 255 % 1).size > 256


def test_a_file_that_was_only_touched_is_still_the_same(source):
    before = prepare((source, (STRETCH,)))
    os.utime(source.path)
    assert np.array_equal(prepare((source, (STRETCH,)))[0], before[0])


def test_a_file_that_changed_is_refused(source):
    content = bytearray(source.path.read_bytes())
    content[-1] ^= 1
    source.path.write_bytes(content)
    with pytest.raises(MammoError, match=rf"{source.path} has changed since it was indexed; index the data set again"):
        prepare((source, (STRETCH,)))
    source.path.write_bytes(content + b"\0\0")
    with pytest.raises(MammoError, match="has changed since it was indexed"):
        prepare((source, (STRETCH,)))


def test_a_file_that_has_gone_is_refused(source):
    source.path.unlink()
    with pytest.raises(MammoError, match=rf"{source.path} can no longer be read \(No such file or directory\); index"):
        prepare((source, (STRETCH,)))


def test_a_file_that_is_no_image_any_more_is_refused(source):
    source.path.write_text("x")
    now = dataclasses.replace(source, bytes=1, modified=source.path.stat().st_mtime_ns)
    with pytest.raises(
        MammoError, match=r"can no longer be read \(not an image of a kind that is read .+\); index the data set again"
    ):
        prepare((now, (STRETCH,)))


def test_a_variant_is_the_part_of_a_spec_that_concerns_pixels():
    assert Variant.of(CacheSpec("tiny", resize="letterbox", size=96)) == Variant("builtin", "letterbox", 96)
    assert Variant.of(CacheSpec("tiny", "resnet50", tap="last-layer")) == Variant.of(CacheSpec("tiny"))
    with pytest.raises(MammoError, match="There is no resize 'crop'"):
        Variant.of(CacheSpec("tiny", resize="crop"))
    with pytest.raises(MammoError, match="There is no preprocessing 'x'"):
        Variant.of(CacheSpec("tiny", preprocess="x"))


def test_built_in_preprocessing_changes_nothing():
    assert PREPROCESSINGS["builtin"].apply is None


@pytest.mark.parametrize("name", PREPROCESSINGS)
def test_every_preprocessing_reaches_the_squares(source, name):
    apply = PREPROCESSINGS[name].apply
    picture = source.read().to_float()
    (square,) = prepare((source, (Variant(name, "stretch", 64),)))
    expected = RESIZES["stretch"].apply(picture if apply is None else apply(picture), 64)
    assert np.allclose(square, expected, rtol=0, atol=1e-6) and square.std() > 0.01
