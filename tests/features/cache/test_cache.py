import json

import numpy as np
import pytest

from mammo.cli import main
from mammo.errors import MammoError
from mammo.features.cache.cache import ARRAYS, CHUNK, MANIFEST, MAPS, POOLED, RECORDS, SPEC, Cache, caches
from mammo.progress import finish
from mammo.specs import CacheSpec
from mammo.verify import repair, verify


def flip(path, position=0.5):
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def chunk_names(cache):
    return sorted(cache.manifest["chunks"])


def reopen(home, cache):
    return Cache.open(home, "tiny", cache.name)


def test_a_cache_holds_maps_and_their_means(filled, cache):
    assert cache.shape == (140, 64, 2, 2)
    assert len(cache.ids) == len(set(cache.ids)) == 140
    maps, pooled = cache.maps(), cache.pooled()
    assert maps.dtype == pooled.dtype == np.float32
    assert np.isfinite(maps).all() and np.ptp(maps) > 0
    assert np.allclose(pooled, maps.mean(axis=(2, 3)), rtol=1e-5, atol=1e-7)
    assert len({row.tobytes() for row in maps}) > 130
    assert cache.spec == CacheSpec("tiny", "vgg16-mini", "random-0", size=64)
    assert caches(filled, "tiny") == [cache.name]
    assert caches(filled, "other") == []


def test_chunks_hold_64_images_and_are_all_recorded(cache):
    assert CHUNK == 64
    assert chunk_names(cache) == sorted(
        [f"{MAPS}/c/0/{n}/0/0/0" for n in range(3)] + [f"{POOLED}/c/0/{n}/0" for n in range(3)]
    )
    on_disk = [path for path in (cache.folder / ARRAYS).rglob("*") if path.is_file() and path.name != "zarr.json"]
    assert len(on_disk) == 6
    assert cache.bytes == sum(path.stat().st_size for path in on_disk)
    layout = json.loads((cache.folder / ARRAYS / MAPS / "zarr.json").read_text())
    assert layout["fill_value"] == "NaN"
    codecs = {codec["name"]: codec["configuration"] for codec in layout["codecs"]}
    assert codecs["zstd"] == {"level": 1, "checksum": True}


def test_an_unknown_cache_is_said_plainly(filled):
    with pytest.raises(MammoError, match="There is no cache 'nothing' of the data set 'tiny'; make it with `mammo ext"):
        Cache.open(filled, "tiny", "nothing")


@pytest.mark.parametrize("chunk", range(6))
@pytest.mark.parametrize("position", [0.05, 0.5, 1.0])
def test_a_flipped_byte_is_found_and_named(filled, cache, chunk, position):
    name = chunk_names(cache)[chunk]
    flip(cache.folder / ARRAYS / name, position)
    result = finish(verify(filled))
    assert (result.caches, result.chunks) == (1, 6)
    assert [(damage.cache, damage.chunk) for damage in result.damaged] == [(cache.name, name)]
    assert "does not have the digest it was written with" in result.damaged[0].reason


@pytest.mark.parametrize("chunk", range(6))
@pytest.mark.faults("A byte of a chunk is flipped", "The chunk is not read, and named")
def test_a_chunk_with_a_flipped_byte_is_not_read(filled, cache, chunk):
    name = chunk_names(cache)[chunk]
    flip(cache.folder / ARRAYS / name)
    with pytest.raises(MammoError, match=f"{cache.name}' is damaged: its chunk {name} does not have the digest"):
        opened = reopen(filled, cache)
        opened.maps() if name.startswith(MAPS) else opened.pooled()


@pytest.mark.parametrize("chunk", range(6))
def test_a_missing_or_shortened_chunk_is_refused_by_opening(filled, cache, chunk):
    name = chunk_names(cache)[chunk]
    path = cache.folder / ARRAYS / name
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(MammoError, match=f"chunk {name} has {len(content) - 3} bytes instead of {len(content)}"):
        reopen(filled, cache)
    path.unlink()
    with pytest.raises(MammoError, match=f"chunk {name} is missing; run `mammo verify --repair`"):
        reopen(filled, cache)
    path.write_bytes(content)
    assert reopen(filled, cache).maps().shape == cache.shape


def test_a_chunk_that_vanishes_after_opening_is_not_read_as_emptiness(cache):
    (cache.folder / ARRAYS / MAPS / "c/0/1/0/0/0").unlink()
    with pytest.raises(MammoError, match=r"chunk maps/c/0/1/0/0/0 is missing"):
        cache.maps()


@pytest.mark.parametrize("array", [MAPS, POOLED])
@pytest.mark.parametrize("change", ["shape", "missing", "codec"])
def test_a_changed_description_of_an_array_is_refused_and_mended(filled, cache, files, array, change):
    before = files(cache.folder)
    path = cache.folder / ARRAYS / array / "zarr.json"
    if change == "missing":
        path.unlink()
    else:
        old, new = ("140", "141") if change == "shape" else ('"NaN"', '"NaX"')
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(MammoError, match=f"{array}/zarr.json (is missing|does not have the digest)"):
        reopen(filled, cache)
    result = finish(verify(filled))
    assert [damage.chunk for damage in result.damaged] == [f"{array}/zarr.json"]
    finish(repair(filled, result.damaged))
    assert files(cache.folder) == before


@pytest.mark.parametrize(
    ("field", "value"), [("tap", "last-layer"), ("size", 96), ("precision", "bfloat16"), ("dataset", "other")]
)
def test_an_edited_spec_is_refused_with_the_name_of_the_field(filled, cache, field, value):
    content = json.loads((cache.folder / SPEC).read_text())
    content["spec"][field] = value
    (cache.folder / SPEC).write_text(json.dumps(content))
    with pytest.raises(MammoError, match=f"does not match its spec in the field '{field}': .+{value}"):
        reopen(filled, cache)


@pytest.mark.parametrize("field", ["format", "dataset_digest", "weights_digest", "resize_version"])
def test_an_edited_identity_is_refused_with_the_name_of_the_field(filled, cache, field):
    content = json.loads((cache.folder / SPEC).read_text())
    del content[field]
    (cache.folder / SPEC).write_text(json.dumps(content))
    with pytest.raises(MammoError, match=f"does not match its spec in the field '{field}'"):
        reopen(filled, cache)


@pytest.mark.parametrize("file", [SPEC, MANIFEST])
@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}"])
def test_damaged_json_is_said_plainly(filled, cache, file, content):
    (cache.folder / file).write_text(content)
    with pytest.raises(MammoError, match="cannot be read|no table of fields|does not match|does not have the digest"):
        reopen(filled, cache)


def test_an_edited_manifest_is_refused(filled, cache):
    text = (cache.folder / MANIFEST).read_text()
    for old, new in [(cache.ids[0], cache.ids[0] + "x"), ("140", "139"), (cache.manifest["digest"][:8], "00000000")]:
        assert old in text
        (cache.folder / MANIFEST).write_text(text.replace(old, new, 1))
        with pytest.raises(MammoError, match=r"The manifest of the cache .+ does not have the digest"):
            reopen(filled, cache)
        damaged = finish(verify(filled)).damaged
        assert [(damage.cache, damage.chunk) for damage in damaged] == [(cache.name, MANIFEST)]
        finish(repair(filled, damaged))
        assert (cache.folder / MANIFEST).read_text() == text


def test_chunks_that_a_damaged_manifest_hid_are_repaired_with_it(filled, cache, files):
    before = files(cache.folder)
    flip(cache.folder / ARRAYS / chunk_names(cache)[2])
    (cache.folder / MANIFEST).write_text("{}")
    finish(repair(filled, finish(verify(filled)).damaged))
    assert files(cache.folder) == before


def test_a_missing_manifest_means_incomplete(filled, cache):
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000002.json").unlink()
    with pytest.raises(MammoError, match=f"The cache '{cache.name}' is incomplete: 2 chunks are done; run the same"):
        reopen(filled, cache)
    assert caches(filled, "tiny") == []
    assert finish(verify(filled)).caches == 0


@pytest.mark.parametrize("damaged", [[0], [5], [1, 3, 4], list(range(6))])
@pytest.mark.faults("Chunks of a cache are damaged", "`mammo verify --repair` restores every byte")
def test_repair_restores_every_byte(filled, cache, files, damaged):
    before = files(cache.folder)
    for number in damaged:
        path = cache.folder / ARRAYS / chunk_names(cache)[number]
        if number % 3 == 2:
            path.unlink()
        elif number % 3 == 1:
            path.write_bytes(path.read_bytes()[:50])
        else:
            flip(path)
    result = finish(verify(filled, cache.name))
    assert sorted(damage.chunk for damage in result.damaged) == [chunk_names(cache)[number] for number in damaged]
    finish(repair(filled, result.damaged))
    assert files(cache.folder) == before
    assert finish(verify(filled)).damaged == []


def test_verify_refuses_an_unknown_cache(filled, cache):
    with pytest.raises(MammoError, match=f"There is no finished cache 'x'; there are: {cache.name}"):
        finish(verify(filled, "x"))
    assert finish(verify(filled, f"tiny/{cache.name}")).chunks == 6


@pytest.mark.faults("A repair finds other images than the cache was made of", "It is refused, and nothing is lost")
def test_repair_from_other_images_is_refused_and_loses_nothing(filled, cache, files):
    from mammo.data.dataset.dataset import Dataset, write_dataset

    flip(cache.folder / ARRAYS / chunk_names(cache)[0])
    before = files(cache.folder)
    dataset = Dataset.open(filled, "tiny")
    write_dataset(filled, "tiny", dataset.about, dataset.images.iloc[1:], dataset.lesions)
    with pytest.raises(MammoError, match="in the field 'dataset_digest'"):
        finish(repair(filled, finish(verify(filled)).damaged))
    assert files(cache.folder) == before
    assert caches(filled, "tiny") == [cache.name]


def test_verify_and_repair_on_the_command_line(filled, cache, capsys):
    def run(*words):
        return main(["verify", *words, "--home", str(filled.path)]), capsys.readouterr().out

    name = chunk_names(cache)[4]
    flip(cache.folder / ARRAYS / name)
    code, out = run()
    assert code == 1 and f"{cache.name}: the chunk {name} does not have the digest" in out
    code, out = run("--repair", "--json")
    assert code == 0 and [damage["chunk"] for damage in json.loads(out)["damaged"]] == [name]
    assert reopen(filled, cache).manifest["digest"] == cache.manifest["digest"]
    assert run()[0] == 0
