import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter

import numpy as np
import pydicom
import pytest

from mammo.data.dataset.dataset import Dataset
from mammo.data.files import indexed_file
from mammo.data.files.reading import read_image
from mammo.data.index.cbis_ddsm import index_cbis_ddsm
from mammo.errors import MammoError
from mammo.features.cache.cache import ARRAYS, MANIFEST, MAPS, RECORDS, SPEC, Cache, caches
from mammo.features.cache.identity import cache_name, identity
from mammo.features.extraction.extract import extract
from mammo.features.trunks.locate import locate
from mammo.heads.finetune import tail_weights
from mammo.progress import finish
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_file
from mammo.storage.json_files import write_json
from mammo.verify import repair, verify

CACHE = ("tiny", "--trunk", "vgg16-mini", "--weights", "random", "--size", "64", "--precision", "float32")
WORDS = ("extract", *CACHE, "--device", "cpu", "--json")
LOCKED = """
import sys, time
from pathlib import Path
from mammo.storage.locks import folder_lock
with folder_lock(Path(sys.argv[1]), "extracting"):
    print("held", flush=True)
    time.sleep(60)
"""


def records(home):
    return sorted(path.name for path in home.path.glob(f"features/tiny/*/{RECORDS}/*.json"))


@pytest.mark.slow
@pytest.mark.faults(
    "SIGKILL between chunks of an extraction",
    "Only missing chunks are computed, and the bytes are those of an undisturbed one",
)
def test_a_killed_extraction_goes_on_with_the_missing_chunks_only(tiny, own, mammo, until, files):
    """Stopped with SIGKILL as soon as a chunk is recorded."""
    (name,) = caches(tiny, "tiny")
    process = mammo(own, *WORDS, "--workers", "2")
    until(lambda: records(own) or process.poll() is not None, "the first chunk")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = records(own)
    assert done
    (own.cache("tiny", name) / ARRAYS / MAPS / "litter.partial").write_bytes(b"of a killed writer")
    out, err = mammo(own, *WORDS, "--workers", "2").communicate()
    summary = json.loads(out)
    rows = [64, 64, 12]
    reused = sum(rows[int(record[5:11])] for record in done)
    assert (summary["cache"], summary["computed"], summary["reused"]) == (name, 140 - reused, reused), err
    assert files(own.cache("tiny", name)) == files(tiny.cache("tiny", name))


@pytest.mark.parametrize("recorded", [1, 2, 3])
def test_an_interrupted_extraction_goes_on_with_the_missing_chunks_only(tiny, filled, cache, make, files, recorded):
    """The state after a kill: the manifest is missing, some chunks have no record, and their files are cut short."""
    (cache.folder / MANIFEST).unlink()
    for number in range(recorded, 3):
        (cache.folder / RECORDS / f"0000-{number:06d}.json").unlink()
    for number in range(recorded, 3):
        path = cache.folder / ARRAYS / MAPS / f"c/0/{number}/0/0/0"
        path.write_bytes(path.read_bytes()[:100])
    extraction = make(filled)
    assert extraction.reused == min(140, 64 * recorded)
    assert extraction.computed == 140 - extraction.reused
    assert files(cache.folder) == files(tiny.cache("tiny", cache.name))


@pytest.mark.parametrize("content", [b"", b"{", b"null"])
@pytest.mark.faults("The record of a chunk is damaged", "That chunk alone is computed again")
def test_a_damaged_record_costs_its_chunk_only(tiny, filled, cache, make, files, content):
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000001.json").write_bytes(content)
    assert make(filled).computed == 64
    assert files(cache.folder) == files(tiny.cache("tiny", cache.name))


def test_a_cache_that_is_whole_is_not_computed_again(filled, cache, make, files):
    before = files(filled.path)
    extraction = make(filled)
    assert (extraction.computed, extraction.reused) == (0, 140)
    assert files(filled.path) == before


def test_a_shortened_chunk_is_computed_again(tiny, filled, cache, make, files):
    path = cache.folder / ARRAYS / MAPS / "c/0/2/0/0/0"
    path.write_bytes(path.read_bytes()[:-1])
    assert make(filled).computed == 12
    assert files(cache.folder) == files(tiny.cache("tiny", cache.name))


def test_workers_change_nothing(tiny, own, make, files):
    extraction = make(own, workers=2)
    assert files(extraction.cache.folder) == files(tiny.cache("tiny", extraction.cache.name))


@pytest.mark.slow
def test_several_variants_in_one_pass_are_those_made_one_by_one(own, make, files, monkeypatch, tmp_path):
    reads = Counter()
    monkeypatch.setattr(
        indexed_file, "read_image", lambda path, **options: reads.update([path]) or read_image(path, **options)
    )
    base = CacheSpec("tiny", "vgg16-mini", "random-0", size=32)
    changes = [{}, {"resize": "letterbox"}, {"tap": "last-layer"}, {"trunk": "resnet50-mini"}, {"size": 48}]
    specs = [dataclasses.replace(base, **change) for change in changes]
    together = finish(extract(own, specs, device="cpu", workers=1))
    assert len({joint.cache.name for joint in together}) == 5
    assert len(reads) == 140 and set(reads.values()) == {1}
    single_home = Home(shutil.copytree(own.path, tmp_path / "alone", ignore=shutil.ignore_patterns("features")))
    for spec, joint in zip(specs, together, strict=True):
        assert joint.cache.spec == spec
        single = make(single_home, **spec.to_json())
        assert files(single.cache.folder) == files(joint.cache.folder)


AUGMENTED = {"augment": "generator", "draws": 3, "size": 32}


@pytest.mark.slow
def test_every_version_is_that_of_the_warped_pictures(own, make):
    """The plain version equals the cache without augmentation; more draws change no other version."""
    import torch

    from mammo.features.extraction.forward import Forward
    from mammo.features.trunks.locate import locate
    from mammo.features.trunks.networks import build
    from mammo.images.augment import AUGMENTATIONS
    from mammo.images.prepare import Variant, prepare
    from mammo.images.warp import warp_pictures

    extraction = make(own, **AUGMENTED)
    cache = extraction.cache
    assert (extraction.computed, extraction.reused, cache.versions) == (560, 0, 4)
    assert "-generator3-" in cache.name
    assert np.array_equal(cache.maps(), make(own, size=32).cache.maps())
    assert np.array_equal(cache.maps(2), make(own, **AUGMENTED | {"draws": 2}).cache.maps(2))
    dataset = Dataset.open(own, "tiny")
    rows = [3, 77, 139]
    sources = dataset.sources(dataset.images.iloc[rows])
    pictures = torch.tensor(np.stack([prepare((source, (Variant.of(cache.spec),)))[0] for source in sources]))
    forward = Forward(build("vgg16-mini", locate("vgg16-mini", "random-0")), "float32", torch.device("cpu"))
    for version in (1, 2, 3):
        warps = [AUGMENTATIONS["generator"].draw(cache.ids[row], version) for row in rows]
        maps, pooled = forward(warp_pictures(pictures, warps))
        assert np.allclose(maps, cache.maps(version)[rows], atol=1e-5)
        assert np.allclose(pooled, cache.pooled(version)[rows], atol=1e-5)
        assert not np.allclose(maps, cache.maps(0)[rows], atol=1e-3)


def test_an_interrupted_augmentation_goes_on_with_the_versions_that_are_missing(own, make, files):
    """The state after a kill: some versions of some chunks have no record, and one chunk is cut short."""
    cache = make(own, **AUGMENTED).cache
    before = files(cache.folder)
    (cache.folder / MANIFEST).unlink()
    for record in ("0001-000000", "0003-000002", "0002-000001"):
        (cache.folder / RECORDS / f"{record}.json").unlink()
    path = cache.folder / ARRAYS / MAPS / "c/3/2/0/0/0"
    path.write_bytes(path.read_bytes()[:100])
    steps = [(step.done, step.total, step.unit) for step in extract(own, [cache.spec], device="cpu", workers=1)]
    assert steps == [(done, 560, "pictures") for done in (420, 484, 548, 560)]
    assert files(cache.folder) == before


def test_damage_of_one_version_is_found_and_mended(own, make, files):
    cache = make(own, augment="sevenfold", draws=7, size=32).cache
    before = files(cache.folder)
    chunk = f"{MAPS}/c/6/1/0/0/0"
    (cache.folder / ARRAYS / chunk).write_bytes(b"x" * (cache.folder / ARRAYS / chunk).stat().st_size)
    result = finish(verify(own))
    assert [damage.chunk for damage in result.damaged] == [chunk]
    finish(repair(own, result.damaged))
    assert files(cache.folder) == before


@pytest.mark.slow
def test_several_devices_share_the_work_and_change_nothing(own, make, files, monkeypatch, tmp_path):
    """Two workers on this processor, each with its own copy of the trunks, as on a machine with two GPUs."""
    import torch

    specs = [CacheSpec("tiny", f"{trunk}-mini", "random-0", **AUGMENTED) for trunk in ("vgg16", "resnet50")]
    alone_home = Home(shutil.copytree(own.path, tmp_path / "alone"))
    alone = finish(extract(alone_home, specs, device="cpu", workers=1))
    monkeypatch.setattr("mammo.features.extraction.forward.devices_of", lambda _: [torch.device("cpu")] * 2)
    together = finish(extract(own, specs, workers=2))
    for single, joint in zip(alone, together, strict=True):
        assert files(single.cache.folder) == files(joint.cache.folder)


def test_reading_running_and_writing_overlap(own, make, monkeypatch):
    """The first chunk waits in the trunk until the second is read, and in its writer until the second is run."""
    from mammo.features.cache.store import CacheWriter
    from mammo.features.extraction import fill
    from mammo.features.extraction.forward import Forward
    from mammo.images.prepare import prepare_stacks

    second_read, second_run = threading.Event(), threading.Event()
    waited, ran = [], []
    read, run, write = prepare_stacks, Forward.__call__, CacheWriter.write

    def reading(request):
        if request[0][0].image == ids[64]:
            second_read.set()
        return read(request)

    def running(forward, pictures):
        ran.append(len(pictures))
        if len(ran) == 2:
            waited.append(second_read.wait(60))
        elif len(ran) == 3:
            second_run.set()
        return run(forward, pictures)

    def writing(writer, version, chunk, maps, pooled):
        if chunk == 0:
            waited.append(second_run.wait(60))
        write(writer, version, chunk, maps, pooled)

    ids = list(Dataset.open(own, "tiny").images["image"])
    monkeypatch.setattr(fill, "prepare_stacks", reading)
    monkeypatch.setattr(Forward, "__call__", running)
    monkeypatch.setattr(CacheWriter, "write", writing)
    assert make(own, size=32).computed == 140
    assert ran == [1, 64, 64, 12] and waited == [True, True]


@pytest.mark.slow
def test_a_gpu_gives_what_the_processor_gives(own, make):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    specs = [CacheSpec("tiny", f"{trunk}-mini", "synthetic", **AUGMENTED) for trunk in ("vgg16", "resnet50")]
    gpu_maps = [
        [extraction.cache.maps(version) for version in range(4)]
        for extraction in finish(extract(own, specs, device="cuda"))
    ]
    shutil.rmtree(own.path / "features")
    cpu_maps = [
        [extraction.cache.maps(version) for version in range(4)]
        for extraction in finish(extract(own, specs, device="cpu"))
    ]
    for on_gpu, on_cpu in zip(gpu_maps, cpu_maps, strict=True):
        scale = np.abs(np.stack(on_cpu)).max()
        assert np.abs(np.stack(on_gpu) - np.stack(on_cpu)).max() < 1e-3 * scale


def test_rows_are_the_images_of_the_table_in_order(tiny, own, make):
    from mammo.data.files.dicom.dicom import read_dicom
    from mammo.images.resize import RESIZES

    table = Dataset.open(own, "tiny").images
    extraction = make(own, size=32)
    assert extraction.cache.ids == list(table["image"])
    shuffled = np.random.default_rng(0).permutation(140)[:3]
    import torch

    from mammo.features.extraction.forward import Forward
    from mammo.features.trunks.locate import locate
    from mammo.features.trunks.networks import build

    forward = Forward(build("vgg16-mini", locate("vgg16-mini", "random-0")), "float32", torch.device("cpu"))
    for row in shuffled:
        picture = RESIZES["stretch"].apply(
            read_dicom(Dataset.open(own, "tiny").path(table["file"][row])).to_float(), 32
        )
        maps, pooled = forward(picture[None])
        assert np.allclose(maps[0], extraction.cache.maps()[row], atol=1e-5)
        assert np.allclose(pooled[0], extraction.cache.pooled()[row], atol=1e-5)


def test_crops_are_extracted_too(own, make):
    extraction = make(own, kind="crop", size=32)
    assert extraction.cache.ids == list(Dataset.open(own, "tiny").table("crop")["image"])
    assert "-crop-" in extraction.cache.name


def test_bfloat16_is_stored_as_float16(own, make):
    half, single = make(own, precision="bfloat16"), make(own)
    assert half.cache.name != single.cache.name
    assert half.cache.maps().dtype == np.float16 and half.cache.pooled().dtype == np.float32
    scale = np.abs(single.cache.maps()).max()
    assert 0 < np.abs(half.cache.maps() - single.cache.maps()).max() < 0.05 * scale


@pytest.mark.slow
def test_a_changed_data_set_gives_a_new_cache(tiny, own, make, tmp_path):
    dataset = Dataset.open(own, "tiny")
    tree = shutil.copytree(dataset.about["root"], tmp_path / "tree")
    path = tree / dataset.images["file"][5]
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[::-1]
    data.save_as(path)
    finish(index_cbis_ddsm(own, "tiny", tree, workers=1))
    extraction = make(own)
    assert extraction.computed == 140
    assert extraction.cache.name not in caches(tiny, "tiny")


@pytest.mark.slow
def test_a_file_that_changed_after_indexing_ends_in_its_sentence(own, make, tmp_path):
    dataset = Dataset.open(own, "tiny")
    tree = shutil.copytree(dataset.about["root"], tmp_path / "tree")
    dataset = finish(index_cbis_ddsm(own, "tiny", tree, workers=1))
    path = tree / dataset.images["file"][100]
    path.write_bytes(path.read_bytes() + b"\0\0")
    with pytest.raises(MammoError, match=f"{path} has changed since it was indexed; index the data set again"):
        make(own)
    assert caches(own, "tiny") == []
    assert records(own) == ["0000-000000.json"]


@pytest.mark.faults("A cache is extracted twice at once", "The second is refused in a sentence")
def test_a_second_extraction_of_the_same_cache_is_refused(filled, cache, make):
    command = [sys.executable, "-c", LOCKED, str(cache.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        with pytest.raises(MammoError, match=r"Another process is extracting in .+; wait until it ends or cancel it"):
            make(filled)
        assert make(filled, size=32).computed == 140
        process.kill()
    assert make(filled).computed == 0


@pytest.mark.faults(
    "The disk is full in the midst of an extraction",
    "It ends in a sentence; complete chunks are kept, and the same command ends in the same bytes",
)
def test_a_full_disk_ends_in_a_sentence_and_the_work_goes_on_later(tiny, small_disk, make, files):
    disk = small_disk(1600)
    shutil.copytree(tiny.path / "datasets", disk / "datasets", ignore=shutil.ignore_patterns("previews"))
    home = Home(disk)
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize - 170_000))
    with pytest.raises(MammoError, match="The disk is full: cannot write .+ Free some space and run the same command"):
        make(home)
    done = records(home)
    assert 1 <= len(done) < 3
    assert caches(home, "tiny") == []
    (disk / "filler").unlink()
    extraction = make(home)
    assert extraction.reused == 64 * len(done)
    assert files(extraction.cache.folder) == files(tiny.cache("tiny", extraction.cache.name))


def test_progress_counts_images_and_starts_where_the_work_stands(filled, cache):
    (cache.folder / MANIFEST).unlink()
    (cache.folder / RECORDS / "0000-000000.json").unlink()
    steps = list(extract(filled, [cache.spec], device="cpu", workers=1))
    assert [(step.done, step.total) for step in steps] == [(76, 140), (140, 140)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": "other"}, r"There is no data set 'other' in .+ \(there: tiny\)"),
        ({"trunk": "vgg17"}, "There is no trunk 'vgg17'"),
        ({"tap": "middle"}, "has no tap 'middle'"),
        ({"kind": "mask"}, "There is no image kind 'mask'"),
        ({"resize": "crop"}, "There is no resize 'crop'"),
        ({"precision": "int8"}, "There is no precision 'int8'"),
        ({"weights": "nonsense"}, "There are no weights 'nonsense'"),
        ({"weights": "file-x"}, "There is no weights file None"),
        ({"weights": "imagenet"}, "vgg16-mini has no ImageNet weights"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_written(own, make, change, sentence):
    with pytest.raises(MammoError, match=sentence):
        make(own, **change)
    assert not (own.path / "features").exists()


@pytest.mark.parametrize("device", ["abacus", "cuda:99", ""])
def test_a_device_that_is_not_here_is_refused(own, device):
    spec = CacheSpec("tiny", "vgg16-mini", "random-0", size=32)
    if not device:
        assert finish(extract(own, [spec], device=device, workers=1))[0].computed == 140
        return
    with pytest.raises(MammoError, match=f"There is no device '{device}' here .+ choose cpu or cuda"):
        finish(extract(own, [spec], device=device, workers=1))


def test_specs_of_two_data_sets_do_not_go_together(own):
    specs = [CacheSpec("tiny", kind=kind) for kind in ("full", "crop")]
    with pytest.raises(MammoError, match="share the data set and the image kind"):
        finish(extract(own, specs))


def test_activations_that_are_not_finite_are_refused(own, tmp_path, make):
    import torch
    from safetensors.torch import save_file

    from mammo.features.trunks.networks import Vgg16

    tensors = {name: tensor * 1e12 for name, tensor in Vgg16(8).state_dict().items()}
    save_file(tensors, tmp_path / "huge.safetensors")
    spec = CacheSpec("tiny", "vgg16-mini", "file-huge", size=32)
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    with pytest.raises(MammoError, match="activations too large for float32"):
        finish(extract(own, [spec], tmp_path / "huge.safetensors", "cpu", 1))
    assert caches(own, "tiny") == []


@pytest.fixture
def saved(tmp_path):
    """The shipped weights of the mini VGG16, scaled slightly, saved in two ways and in half precision."""
    import torch
    from safetensors.torch import load_file

    shipped = load_file(locate("vgg16-mini", "synthetic").path)
    tensors = {name: tensor.float() * 1.0001 for name, tensor in shipped.items()}
    contents = {
        "plain.pth": tensors,
        "wrapped.pth.tar": {"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}, "epoch": 3},
        "half.ckpt": {name: tensor.half() for name, tensor in tensors.items()},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    return {name: tmp_path / name for name in contents}


def test_the_same_tensors_in_other_files_give_one_digest(own, mammo, saved):
    summaries = {}
    for name, path in saved.items():
        words = ("extract", "tiny", "--trunk", "vgg16-mini", "--size", "32", "--weights", str(path), "--json")
        out, err = (process := mammo(own, *words, "--device", "cpu", "--workers", "1")).communicate()
        assert process.returncode == 0, err
        summaries[name] = json.loads(out)
    assert (
        summaries["plain.pth"]["digest"] == summaries["wrapped.pth.tar"]["digest"] != summaries["half.ckpt"]["digest"]
    )
    assert summaries["plain.pth"]["weights_read"] == []
    assert summaries["wrapped.pth.tar"]["weights_read"] == ["taken from state_dict.module"]
    assert summaries["half.ckpt"]["weights_read"] == ["float16 was converted to float32"]
    cache = Cache.open(own, "tiny", summaries["half.ckpt"]["cache"])
    assert cache.manifest["weights_read"] == summaries["half.ckpt"]["weights_read"]
    assert cache.spec.weights == "file-half" and cache.name.startswith("vgg16-mini-file-half")


def test_a_cache_that_an_earlier_version_made_from_a_file_keeps_its_name_and_is_used(own, saved):
    """Earlier versions identified weights by the digest of their file's bytes."""
    spec, path = CacheSpec("tiny", "vgg16-mini", "file-plain", "last-layer", size=32), saved["plain.pth"]
    weights = locate(spec.trunk, spec.weights, path)
    former = identity(spec, Dataset.open(own, "tiny").digest("full"), weights.with_digest(digest_file(path)))
    write_json(own.cache("tiny", cache_name(former)) / SPEC, former)
    (extraction,) = finish(extract(own, [spec], path, "cpu", 1))
    assert extraction.cache.name == cache_name(former) and extraction.cache.manifest["identity"] == former
    assert finish(extract(own, [spec], path, "cpu", 1))[0].computed == 0
    assert caches(own, "tiny") == [extraction.cache.name]
    assert tail_weights(extraction.cache, path).path == path
    chunk = next(iter(extraction.cache.manifest["chunks"]))
    (extraction.cache.folder / ARRAYS / chunk).write_bytes(b"")
    finish(repair(own, finish(verify(own)).damaged, path))
    assert Cache.open(own, "tiny", extraction.cache.name).manifest["digest"] == extraction.cache.manifest["digest"]


def test_a_normalisation_of_ones_own_changes_the_maps_as_it_should(own, make):
    plain = make(own, size=32).cache
    custom = make(own, size=32, mean=(0.5,), std=(0.25,)).cache
    same = make(own, size=32, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).cache
    assert custom.name.startswith("vgg16-mini-random-0-mean0.5-std0.25-32")
    assert custom.manifest["identity"]["spec"]["mean"] == [0.5]
    assert np.array_equal(plain.maps(), same.maps()) and not np.array_equal(plain.maps(), custom.maps())


def test_a_home_that_cannot_be_written_is_said_plainly(own, make):
    (own.path / "features").write_text("a file in the way")
    with pytest.raises(MammoError, match="^Cannot write .+ Choose a folder you may write to with --home"):
        make(own)


def test_the_command_says_one_line_and_a_code(own, mammo):
    words = ("extract", "tiny", "--trunk", "vgg17", "--weights", "random")
    out, err = (process := mammo(own, *words)).communicate()
    assert process.returncode == 2
    assert out == "" and err.startswith("mammo: There is no trunk 'vgg17'") and err.count("\n") == 1


def test_nothing_to_extract_is_said(home):
    with pytest.raises(MammoError, match="name at least one trunk"):
        finish(extract(home, []))
