"""What was extracted once is not computed again under another name, label, order or choice of images."""

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


def extracted(home, name, **changes):
    (made,) = finish(extract(home, [spec_of(name, **changes)], device="cpu", workers=1))
    return made


@pytest.fixture
def mine(tiny, tmp_path):
    """A home with the data set and the cache of `tiny`, to be written into."""
    return Home(shutil.copytree(tiny.path, tmp_path / "home"))


@pytest.fixture
def index(mine, tmp_path):
    """Indexes copies of some images of `tiny`, named by their order, with other labels."""
    known = Dataset.open(mine, "tiny")

    def make(name, rows, prefix="film", more=()):
        lines = ["path,label"]
        for number, row in enumerate(rows):
            path = tmp_path / "files" / f"{prefix}-{number:03}-{row:03}.dcm"
            path.parent.mkdir(exist_ok=True)
            shutil.copy(known.path(known.images["file"][row]), path)
            lines.append(f"files/{path.name},{'MB'[number % 2]}")
        (tmp_path / f"{name}.csv").write_text("\n".join([*lines, *more]) + "\n")
        return finish(index_manifest(mine, name, tmp_path / f"{name}.csv", workers=2))

    return make


def assert_same_rows(cache, before, places):
    for version in range(cache.versions):
        assert np.array_equal(cache.maps(version), before.maps(version)[places])
        assert np.array_equal(cache.pooled(version), before.pooled(version)[places])


def places_in(home, name):
    """Where the images of a data set stand in `tiny`."""
    place = {digest: row for row, digest in enumerate(Dataset.open(home, "tiny").images["digest"])}
    return [place[digest] for digest in Dataset.open(home, name).images["digest"]]


CHOICES = {
    "all under another name": range(140),
    "in another order": range(139, -1, -1),
    "a subset": range(3, 130, 2),
    "some of it twice": [*range(70), *range(30)],
}


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES)
def test_the_same_films_compute_nothing(mine, index, choice):
    before = extracted(mine, "tiny")
    assert before.computed == 0
    dataset = index("other", CHOICES[choice])
    made = extracted(mine, "other")
    assert (made.computed, made.reused) == (0, len(dataset.images))
    assert_same_rows(made.cache, before.cache, places_in(mine, "other"))
    assert not list(finish(verify(mine)).damaged)
    noted = json.loads((made.cache.folder / ROWS).read_text())
    assert {name for names in noted["copied"].values() for name in names} == {f"tiny/{before.cache.name}"}
    assert finish(extract(mine, [spec_of("other")]))[0].computed == 0


@pytest.mark.slow
def test_a_copied_cache_has_the_name_and_digest_that_it_would_have_had(mine, index, tmp_path):
    index("other", range(140))
    copied = extracted(mine, "other").cache
    alone = Home(tmp_path / "alone")
    shutil.copytree(mine.dataset("other"), alone.dataset("other"))
    computed = extracted(alone, "other")
    assert computed.computed == 140
    assert (computed.cache.name, computed.cache.manifest["digest"]) == (copied.name, copied.manifest["digest"])


@pytest.mark.slow
def test_only_chunks_with_new_films_are_computed(mine, index, tmp_path):
    np.save(tmp_path / "zz-new.npy", np.random.default_rng(0).integers(0, 255, (120, 90)).astype(np.uint8))
    index("more", range(140), more=["zz-new.npy,M"])
    made = extracted(mine, "more")
    assert (made.computed, made.reused) == (141 - 2 * CHUNK, 2 * CHUNK)


@pytest.mark.slow
@pytest.mark.faults(
    "A cache that another could be copied from is damaged", "Its damaged chunks are computed instead of copied"
)
def test_a_damaged_source_is_not_used(mine, index):
    before = extracted(mine, "tiny").cache
    files = [file for file in before.manifest["chunks"] if file.startswith("maps/c/0/1")]
    path = before.folder / ARRAYS / files[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    whole = before.maps()
    path.write_bytes(content)
    index("other", range(140))
    made = extracted(mine, "other")
    places = places_in(mine, "other")
    touched = {number // CHUNK for number, place in enumerate(places) if place // CHUNK == 1}
    assert made.computed == sum(len(places[chunk * CHUNK : (chunk + 1) * CHUNK]) for chunk in touched) > 0
    np.testing.assert_allclose(made.cache.maps(), whole[places], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"size": 72}, {"resize": "letterbox"}, {"weights": "random-1"}, {"tap": "last-layer"}]
)
def test_another_spec_is_no_source(mine, index, change):
    index("other", range(8))
    assert extracted(mine, "other", **change).computed == 8


@pytest.mark.slow
def test_augmented_versions_are_copied_under_the_same_names_alone(mine, index):
    augmented = {"augment": "generator", "draws": 2}
    index("first", range(20))
    before = extracted(mine, "first", **augmented)
    assert (before.computed, before.reused) == (40, 20)  # the plain versions stand in the cache of `tiny`
    index("same", range(20))
    made = extracted(mine, "same", **augmented)
    assert (made.computed, made.reused) == (0, 60)
    assert_same_rows(made.cache, before.cache, list(range(20)))
    index("renamed", range(20), prefix="other")
    assert extracted(mine, "renamed", **augmented).computed == 40
    assert extracted(mine, "same", augment="generator", draws=1).computed == 0


@pytest.mark.slow
def test_old_caches_are_sources_while_their_data_set_tells_what_they_show(mine, index):
    cache = extracted(mine, "tiny").cache
    (cache.folder / ROWS).unlink(missing_ok=True)
    index("other", range(10))
    assert extracted(mine, "other").computed == 0
    (cache.folder / ROWS).unlink(missing_ok=True)
    shutil.rmtree(mine.cache("other", extracted(mine, "other").cache.name))
    shutil.rmtree(mine.dataset("tiny"))
    assert extracted(mine, "other").computed == 10


@pytest.mark.slow
def test_a_repair_gives_a_copied_chunk_its_numbers_again(mine, index):
    index("other", range(100))
    cache = extracted(mine, "other").cache
    digest = cache.manifest["digest"]
    file = next(file for file in cache.manifest["chunks"] if file.startswith("pooled/"))
    (cache.folder / ARRAYS / file).write_bytes(b"damaged")
    finish(repair(mine, finish(verify(mine)).damaged))
    assert Cache.open(mine, "other", cache.name).manifest["digest"] == digest
    assert finish(verify(mine)).damaged == []
