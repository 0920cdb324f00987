"""Rows that were extracted once are not computed again under another name, label, order or choice of images."""

import json
import shutil

import numpy as np
import pytest

from mammo.data.dataset.dataset import Dataset
from mammo.data.index.manifest import index_manifest
from mammo.features.cache.cache import ARRAYS, CHUNK, Cache
from mammo.features.cache.copied import ROWS
from mammo.features.extraction.extract import extract
from mammo.progress import finish
from mammo.specs import CacheSpec, Home
from mammo.verify import repair, verify

SPEC = CacheSpec("tiny", "vgg16-mini", "random-0", size=64)


def spec_of(name, **changes):
    return CacheSpec(**{**SPEC.to_json(), "dataset": name, **changes})


def run_extraction(home, name, **changes):
    (extraction,) = finish(extract(home, [spec_of(name, **changes)], device="cpu", workers=1))
    return extraction


@pytest.fixture
def writable_home(tiny, tmp_path):
    """A copy of the home with the data set and the cache of `tiny`, for a test to write into."""
    return Home(shutil.copytree(tiny.path, tmp_path / "home"))


@pytest.fixture
def index(writable_home, tmp_path):
    """Indexes copies of some images of `tiny`, named by their order, with other labels."""
    tiny_dataset = Dataset.open(writable_home, "tiny")

    def make(name, images, prefix="film", extra_lines=()):
        lines = ["path,label"]
        for number, row in enumerate(images):
            path = tmp_path / "files" / f"{prefix}-{number:03}-{row:03}.dcm"
            path.parent.mkdir(exist_ok=True)
            shutil.copy(tiny_dataset.path(tiny_dataset.images["file"][row]), path)
            lines.append(f"files/{path.name},{'MB'[number % 2]}")
        (tmp_path / f"{name}.csv").write_text("\n".join([*lines, *extra_lines]) + "\n")
        return finish(index_manifest(writable_home, name, tmp_path / f"{name}.csv", workers=2))

    return make


def assert_same_rows(cache, before, rows):
    for version in range(cache.versions):
        assert np.array_equal(cache.maps(version), before.maps(version)[rows])
        assert np.array_equal(cache.pooled(version), before.pooled(version)[rows])


def rows_in_tiny(home, name):
    """Return the rows of a data set's images in `tiny`."""
    row_of = {digest: row for row, digest in enumerate(Dataset.open(home, "tiny").images["digest"])}
    return [row_of[digest] for digest in Dataset.open(home, name).images["digest"]]


CHOICES = {
    "all under another name": range(140),
    "in another order": range(139, -1, -1),
    "a subset": range(3, 130, 2),
    "some of it twice": [*range(70), *range(30)],
}


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_the_same_films_compute_nothing(writable_home, index, choice):
    before = run_extraction(writable_home, "tiny")
    assert before.computed == 0
    dataset = index("other", CHOICES[choice])
    extraction = run_extraction(writable_home, "other")
    assert (extraction.computed, extraction.reused) == (0, len(dataset.images))
    assert_same_rows(extraction.cache, before.cache, rows_in_tiny(writable_home, "other"))
    assert not list(finish(verify(writable_home)).damaged)
    note = json.loads((extraction.cache.folder / ROWS).read_text())
    assert {name for names in note["copied"].values() for name in names} == {f"tiny/{before.cache.name}"}
    assert finish(extract(writable_home, [spec_of("other")]))[0].computed == 0


@pytest.mark.slow
def test_a_copied_cache_has_the_name_and_digest_that_it_would_have_had(writable_home, index, tmp_path):
    index("other", range(140))
    copied = run_extraction(writable_home, "other").cache
    alone = Home(tmp_path / "alone")
    shutil.copytree(writable_home.dataset("other"), alone.dataset("other"))
    computed = run_extraction(alone, "other")
    assert computed.computed == 140
    assert (computed.cache.name, computed.cache.manifest["digest"]) == (copied.name, copied.manifest["digest"])


@pytest.mark.slow
def test_only_chunks_with_new_films_are_computed(writable_home, index, tmp_path):
    np.save(tmp_path / "zz-new.npy", np.random.default_rng(0).integers(0, 255, (120, 90)).astype(np.uint8))
    index("more", range(140), extra_lines=["zz-new.npy,M"])
    extraction = run_extraction(writable_home, "more")
    assert (extraction.computed, extraction.reused) == (141 - 2 * CHUNK, 2 * CHUNK)


@pytest.mark.slow
@pytest.mark.faults(
    "A cache that another could be copied from is damaged", "Its damaged chunks are computed instead of copied"
)
def test_a_damaged_source_is_not_used(writable_home, index):
    before = run_extraction(writable_home, "tiny").cache
    files = [file for file in before.manifest["chunks"] if file.startswith("maps/c/0/1")]
    path = before.folder / ARRAYS / files[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    intact = before.maps()
    path.write_bytes(content)
    index("other", range(140))
    extraction = run_extraction(writable_home, "other")
    rows = rows_in_tiny(writable_home, "other")
    touched = {number // CHUNK for number, row in enumerate(rows) if row // CHUNK == 1}
    assert extraction.computed == sum(len(rows[chunk * CHUNK : (chunk + 1) * CHUNK]) for chunk in touched) > 0
    np.testing.assert_allclose(extraction.cache.maps(), intact[rows], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"size": 72}, {"resize": "letterbox"}, {"weights": "random-1"}, {"tap": "last-layer"}]
)
def test_another_spec_is_no_source(writable_home, index, change):
    index("other", range(8))
    assert run_extraction(writable_home, "other", **change).computed == 8


@pytest.mark.slow
def test_augmented_versions_are_copied_under_the_same_names_alone(writable_home, index):
    augmented = {"augment": "generator", "draws": 2}
    index("first", range(20))
    before = run_extraction(writable_home, "first", **augmented)
    assert (before.computed, before.reused) == (40, 20)  # the plain versions are in the cache of `tiny`
    index("same", range(20))
    extraction = run_extraction(writable_home, "same", **augmented)
    assert (extraction.computed, extraction.reused) == (0, 60)
    assert_same_rows(extraction.cache, before.cache, list(range(20)))
    index("renamed", range(20), prefix="other")
    assert run_extraction(writable_home, "renamed", **augmented).computed == 40
    assert run_extraction(writable_home, "same", augment="generator", draws=1).computed == 0


@pytest.mark.slow
def test_old_caches_are_sources_while_their_data_set_exists(writable_home, index):
    cache = run_extraction(writable_home, "tiny").cache
    (cache.folder / ROWS).unlink(missing_ok=True)
    index("other", range(10))
    assert run_extraction(writable_home, "other").computed == 0
    (cache.folder / ROWS).unlink(missing_ok=True)
    shutil.rmtree(writable_home.cache("other", run_extraction(writable_home, "other").cache.name))
    shutil.rmtree(writable_home.dataset("tiny"))
    assert run_extraction(writable_home, "other").computed == 10


@pytest.mark.slow
def test_a_repair_gives_a_copied_chunk_its_numbers_again(writable_home, index):
    index("other", range(100))
    cache = run_extraction(writable_home, "other").cache
    digest = cache.manifest["digest"]
    file = next(file for file in cache.manifest["chunks"] if file.startswith("pooled/"))
    (cache.folder / ARRAYS / file).write_bytes(b"damaged")
    finish(repair(writable_home, finish(verify(writable_home)).damaged))
    assert Cache.open(writable_home, "other", cache.name).manifest["digest"] == digest
    assert finish(verify(writable_home)).damaged == []
