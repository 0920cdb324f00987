import json

import numpy as np
import pytest
import zarr

from mammo.errors import MammoError
from mammo.features.cache.cache import ARRAYS, MANIFEST, MAPS, RECORDS, Cache
from mammo.features.cache.chunks import STORAGES, Chunks, storage_of
from mammo.progress import finish
from mammo.verify import repair, verify

SHAPE = (3, 21, 4, 2, 3)
"""Versions, images, and the shape of a map; chunks have 8 images."""


@pytest.fixture(params=STORAGES)
def storage(request):
    return STORAGES[request.param]


@pytest.fixture(params=["float16", "float32"])
def folder(request, storage, tmp_path):
    """The folder of an array that zarr has created and that is still empty."""
    zarr.create_array(
        tmp_path / "maps",
        shape=SHAPE,
        chunks=(1, 8, *SHAPE[2:]),
        dtype=request.param,
        compressors=storage.zarr_codec(),
        fill_value=float("nan"),
    )
    return tmp_path / "maps"


def filled(folder):
    chunks = Chunks.of(folder)
    values = np.random.default_rng(0).normal(size=SHAPE).astype(chunks.dtype)
    for version in range(SHAPE[0]):
        for chunk in range(3):
            chunks.write(version, chunk, values[version, chunk * 8 : (chunk + 1) * 8])
    return chunks, values


def test_zarr_reads_what_is_written_and_the_other_way_round(folder, storage):
    chunks, values = filled(folder)
    assert chunks.storage is storage
    assert np.array_equal(zarr.open_array(folder, mode="r")[:], values)
    before = [(folder / chunks.file(version, chunk)).read_bytes() for version in range(3) for chunk in range(3)]
    zarr.open_array(folder, mode="r+")[:] = values
    after = [(folder / chunks.file(version, chunk)).read_bytes() for version in range(3) for chunk in range(3)]
    assert before == after
    assert np.array_equal(chunks.read(2), values[2])
    assert np.array_equal(chunks.read(1, 8, 16), values[1, 8:16])
    assert np.array_equal(chunks.read(1, 16, 24), values[1, 16:])
    assert chunks.read(0, 24, 32).shape == (0, *SHAPE[2:])


def test_a_written_chunk_is_described(folder):
    import hashlib

    chunks, values = filled(folder)
    facts = chunks.write(0, 0, values[0, :8])
    content = (folder / chunks.file(0, 0)).read_bytes()
    assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert [path.name for path in (folder / "c/0/0/0/0").iterdir()] == ["0"]


@pytest.mark.parametrize("chunk", [0, 2])
def test_no_changed_chunk_is_read(folder, chunk):
    """Every seventh byte is changed in turn; bytes are missing or added."""
    chunks, _ = filled(folder)
    path = folder / chunks.file(1, chunk)
    content = path.read_bytes()
    changed = [content[:-1], content[:40], b"", content + b"x", content + content]
    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        changed.append(bytes(flipped))
    for damaged in changed:
        path.write_bytes(damaged)
        with pytest.raises((RuntimeError, ValueError)):
            chunks.read(1)
    path.unlink()
    with pytest.raises(OSError):
        chunks.read(1)


def test_other_codecs_are_refused():
    with pytest.raises(ValueError, match=r"chunks of the codecs \['bytes', 'blosc'\] are not written by this program"):
        storage_of({"codecs": [{"name": "bytes"}, {"name": "blosc"}]})


def test_storage_changes_no_number_and_is_no_part_of_the_identity(tiny, own, make):
    fast = make(own, storage="fast").cache
    plain = Cache.open(tiny, "tiny", fast.name)
    assert (plain.storage, fast.storage) == ("zstd", "fast")
    assert np.array_equal(fast.maps(), plain.maps()) and np.array_equal(fast.pooled(), plain.pooled())
    raw = sum(array.nbytes for array in (fast.maps(), fast.pooled())) * 192 / 140
    assert fast.bytes == pytest.approx(raw, rel=0.01) and fast.bytes > plain.bytes
    with pytest.raises(MammoError, match="There is no storage 'x'; choose one of: fast, zstd"):
        make(own, storage="x")


def test_a_cache_that_is_begun_keeps_its_storage(own, make, files):
    cache = make(own, storage="fast").cache
    before = files(cache.folder)
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000001.json").unlink()
    assert make(own, storage="zstd").computed == 64
    assert files(cache.folder) == before
    for damaged in (f"{MAPS}/zarr.json", f"{MAPS}/c/0/2/0/0/0"):
        (cache.folder / ARRAYS / damaged).unlink()
    result = finish(verify(own))
    assert len(result.damaged) == 2
    finish(repair(own, result.damaged))
    assert files(cache.folder) == before


def test_a_flipped_bit_of_a_fast_cache_is_not_read(own, make):
    cache = make(own, storage="fast").cache
    path = cache.folder / ARRAYS / MAPS / "c/0/1/0/0/0"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(MammoError, match=r"its chunk maps/c/0/1/0/0/0 does not have the digest it was written with"):
        cache.maps()
    assert np.isfinite(cache.pooled()).all()


def test_caches_of_before_storage_could_be_chosen_are_compressed(filled, cache, make, files):
    """Their file `made_with.json` has no storage."""
    made_with = {key: value for key, value in cache.manifest["made_with"].items() if key != "storage"}
    (cache.folder / "made_with.json").write_text(json.dumps(made_with))
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000001.json").unlink()
    assert make(filled, storage="fast").computed == 64
    assert Cache.open(filled, "tiny", cache.name).storage == "zstd"


def test_versions_that_are_not_there_are_refused(cache):
    for version in (-1, 1):
        with pytest.raises(MammoError, match=rf"has the versions 0 to 0, not {version}"):
            cache.maps(version)
