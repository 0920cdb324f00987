"""Films darker than their container: every container gives the same pictures as the film's own depth."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
import pytest
from PIL import Image

from mammo.cli import main
from mammo.data.dataset.dataset import ABOUT, DEPTH, Dataset, write_dataset
from mammo.data.files.previews import read_preview, stretched_name
from mammo.data.files.silhouettes import is_mask
from mammo.data.index import inspected
from mammo.data.index.manifest import index_manifest
from mammo.data.index.options import ReadingOptions
from mammo.errors import MammoError
from mammo.images.prepare import Variant, prepare
from mammo.images.resize import RESIZES
from mammo.progress import finish
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_json


@pytest.fixture(scope="session")
def films(few_files):
    """Six phantom films of 12 bits."""
    paths = sorted(path for path in few_files.rglob("*.dcm") if "full mammogram" in str(path))[:6]
    return [pydicom.dcmread(path).pixel_array >> 4 for path in paths]


@pytest.fixture
def save(write_dicom):
    """Writes a 12-bit film into a 16-bit container of a kind."""

    def write(path: Path, film: np.ndarray, kind: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.with_suffix({"png": ".png", "tiff": ".tif", "npy": ".npy"}.get(kind, ".dcm"))
        if kind in ("png", "tiff"):
            Image.fromarray(film).save(path)
        elif kind == "npy":
            np.save(path, film)
        else:
            tags = {"own": {"BitsStored": 12}, "dicom": {}, "signed": {"PixelRepresentation": 1}}
            tags["inverted"] = {"PhotometricInterpretation": "MONOCHROME1"}
            write_dicom(path, 4095 - film if kind == "inverted" else film, **tags[kind])
        return path.name

    return write


@pytest.fixture
def index(tmp_path, save):
    """Indexes films written in one container."""

    def build(home: Home, films, kind: str, name: str = "", bits: str = "") -> Dataset:
        folder = tmp_path / (name or kind)
        files = [save(folder / f"{number}", film, kind) for number, film in enumerate(films)]
        lines = [f"{file},{'BM'[number % 2]},{number}" for number, file in enumerate(files)]
        (folder / "set.csv").write_text("\n".join(["path,label,patient", *lines]) + "\n")
        return finish(index_manifest(home, name or kind, folder / "set.csv", workers=1, reading=ReadingOptions(bits)))

    return build


def pictures(dataset: Dataset) -> list[np.ndarray]:
    """The pixels of every image as a trunk gets them."""
    variants = tuple(Variant.of(CacheSpec(dataset.name, resize=name, size=48)) for name in RESIZES)
    return [np.stack(prepare((source, variants))) for source in dataset.sources(dataset.images)]


@pytest.mark.parametrize("kind", ["png", "tiff", "npy", "dicom", "signed", "inverted"])
def test_a_12_bit_film_gives_the_same_picture_in_every_container(home, films, index, kind):
    own, contained = index(home, films, "own"), index(home, films, kind)
    (record,) = contained.depths
    assert own.depths == [] and own.images["depth"].isna().all()
    assert (record.bits, record.films, record.clipped_pixels) == (12, 6, 0)
    assert (contained.images["depth"] == 12).all()
    for from_container, from_film in zip(pictures(contained), pictures(own), strict=True):
        assert np.array_equal(from_container, from_film)
    for image in contained.images["image"]:
        twin = own.images["image"][int(image.split(".")[0])]
        assert np.array_equal(contained.pixels(image), own.pixels(twin))
        assert np.array_equal(read_preview(contained.preview(image)), read_preview(own.preview(twin)))


def test_the_container_taken_at_its_word_is_a_sixteenth_as_bright(home, films, index):
    dark = index(home, films, "png", bits="container")
    assert dark.images["depth"].isna().all() and dark.depths[0].chosen == "container"
    bright = pictures(index(home, films, "png", bits="auto"))
    for dark_picture, bright_picture in zip(pictures(dark), bright, strict=True):
        assert np.allclose(dark_picture * 65535 / 4095, bright_picture, atol=1e-5)
    image = dark.images["image"][0]
    dark = Dataset.open(home, "png")
    assert dark.pixels(image).max() > 200 and dark.pixels(image, stretched=True).max() == 255


def test_a_label_neither_keeps_a_set_dark_nor_makes_a_mask_of_a_film(home, films, index):
    marked = [film.copy() for film in films]
    for film in marked[:5]:
        film[2, : film.size // 1001] = 65535
    marked[5] >>= 3
    assert not any(is_mask(film) for film in marked)
    dataset = index(home, marked, "png")
    (record,) = dataset.depths
    cut_off = sum(int((film > 4095).sum()) for film in marked)
    assert (record.bits, record.clipped_pixels, record.clipped_films) == (12, cut_off, 5)
    assert list(record.dark) == ["5.png"]
    assert dataset.images["hash"].str.len().gt(0).all() and not dataset.notes
    for source, film in zip(dataset.sources(dataset.images), marked, strict=True):
        assert np.array_equal(source.read().pixels, np.minimum(film, 4095))


@pytest.mark.parametrize("shift", [6, 8, 9])
def test_a_label_makes_no_mask_of_a_dark_film_of_8_bits(films, shift):
    for film in films:
        dark = (film >> shift).astype(np.uint8)
        dark[2, : film.size // 1001] = 255
        assert not is_mask(dark)


@pytest.mark.parametrize("radius", [2, 5, 30])
def test_a_mask_of_a_small_lesion_is_one_also_where_jpeg_blurred_it(radius):
    rows, columns = np.mgrid[:700, :500]
    lit = (np.hypot(rows - 301, columns - 203) < radius).astype(np.uint8) * 255
    stream = io.BytesIO()
    Image.fromarray(lit).save(stream, "JPEG", quality=75)
    assert is_mask(lit) and is_mask(lit.astype(np.uint16) * 257) and is_mask(np.asarray(Image.open(stream)))


@pytest.mark.parametrize("shift", [4, 6])
def test_a_dark_set_of_8_bits_is_left_alone(home, films, index, shift):
    dark = [(film >> shift).astype(np.uint8) for film in films]
    dataset = index(home, dark, "png")
    assert dataset.depths == [] and dataset.images["depth"].isna().all()
    for source, film in zip(dataset.sources(dataset.images), dark, strict=True):
        assert np.array_equal(source.read().pixels, film) and source.read().bits == 8


def test_a_decision_is_kept_when_films_are_added_and_contradicted(home, films, index):
    before = index(home, films[:4], "png")
    wide = [film << 4 for film in films[4:]]
    after = index(home, [*films[:4], *wide], "png")
    assert (after.images["depth"] == 12).all() and after.depths[0].clipped_films == 2
    assert any("read at 12 bits, as an earlier index decided" in note and "16" in note for note in after.notes)
    assert before.digest("full") != after.digest("full")
    again = index(home, [*films[:4], *wide], "png", bits="auto")
    assert again.depths[0].depth is None and again.images["depth"].isna().all() and again.notes == []
    different = index(home, [film << 2 for film in films], "png")
    assert different.depths[0].bits == 14, "films of which none was there before are another set"


def test_indexing_again_reads_no_file_again(home, films, index, monkeypatch):
    before = index(home, films, "png")
    files = [path.stat().st_mtime_ns for path in sorted((before.folder / "previews").iterdir())]
    monkeypatch.setattr(inspected, "inspect_file", None)
    path = Path(before.about["root"]) / "set.csv"
    after = finish(index_manifest(home, "png", path, workers=1))
    assert after.about == before.about and after.images.equals(before.images)
    assert files == [path.stat().st_mtime_ns for path in sorted((before.folder / "previews").iterdir())]


def test_the_digest_knows_the_depth_and_only_that(home, films, index):
    auto, own = index(home, films, "png"), index(home, films, "own")
    pairs = [[image, digest] for image, digest in zip(own.images["image"], own.images["digest"], strict=True)]
    assert own.digest("full") == digest_json(pairs)
    digests = {auto.digest("full"), auto.content_digest}
    for bits in ("container", "14", "12"):
        dataset = index(home, films, "png", bits=bits)
        digests |= {dataset.digest("full"), dataset.content_digest}
    assert len(digests) == 6, "twelve bits are the same content, whoever chose them"


def test_the_content_is_the_same_from_any_home_order_and_number_of_workers(home, tmp_path, films, save):
    files = [save(tmp_path / "files" / f"{number}", film, "png") for number, film in enumerate(films)]
    lines = [f"{file},B,{left}" for left, file in enumerate(files)]
    digests = set()
    for name, ordered, workers in (("a", lines, 1), ("b", lines[::-1], 2)):
        path = tmp_path / "files" / "set.csv"
        boxed = [f"{line},5,40,40" for line in ordered]
        path.write_text("\n".join(["path,label,xmin,ymin,xmax,ymax", *boxed]) + "\n")
        dataset = finish(index_manifest(Home(tmp_path / name), "set", path, workers=workers))
        assert len(dataset.table("crop")) == 6
        digests.add(dataset.content_digest)
    assert len(digests) == 1


def test_frames_and_crops_carry_the_depth_of_their_film(home, tmp_path, films, write_dicom):
    path = write_dicom(tmp_path / "stack.dcm", films[0])
    data = pydicom.dcmread(path)
    shape = min(film.shape[0] for film in films[:3]), min(film.shape[1] for film in films[:3])
    frames = np.stack([film[: shape[0], : shape[1]] for film in films[:3]])
    data.NumberOfFrames, (data.Rows, data.Columns), data.PixelData = 3, shape, frames.tobytes()
    data.save_as(path)
    lines = ["stack.dcm,M,1,10,20,40,60", "stack.dcm,B,2,,,,", "stack.dcm,B,3,,,,"]
    (tmp_path / "set.csv").write_text("\n".join(["path,label,frame,xmin,ymin,xmax,ymax", *lines]) + "\n")
    dataset = finish(index_manifest(home, "stack", tmp_path / "set.csv", workers=1))
    (record,) = dataset.depths
    assert (record.bits, record.films) == (12, 3)
    for source, frame in zip(dataset.sources(dataset.images), frames, strict=True):
        assert np.allclose(source.read().to_float(), frame / 4095, atol=1e-5)
    (crop,) = dataset.sources(dataset.table("crop"))
    assert np.allclose(crop.read().to_float(), frames[0][12:68, 4:46] / 4095, atol=1e-5)
    assert finish(index_manifest(home, "stack", tmp_path / "set.csv", workers=1)).about == dataset.about
    assert len(list((dataset.folder / "cuts").iterdir())) == 4


def test_a_file_that_is_read_by_other_rules_than_its_index_holds_is_refused(home, films, index):
    dataset = index(home, films, "png")
    write_dataset(home, "png", dataset.about, dataset.images.assign(rules="some-rule"), dataset.lesions)
    with pytest.raises(
        MammoError, match=r"other rules than when .+\(now none, then some-rule\).+index the data set ag"
    ):
        Dataset.open(home, "png").sources(dataset.images.assign(rules="some-rule"))[0].read()
    assert Dataset.open(home, "png").digest("full") != dataset.digest("full")


def test_an_index_of_an_earlier_version_opens_as_it_was_read_then(home, films, index):
    dataset = index(home, films, "png", bits="container")
    path = dataset.folder / "index.parquet"
    about = {name: value for name, value in dataset.about.items() if name != DEPTH}
    of_then = dataset.images.drop(columns=["zero", "rules"]).assign(depth="12 mm")
    lesions = dataset.lesions.drop(columns=["crop_depth", "crop_zero", "crop_rules"])
    lesions.to_parquet(dataset.folder / about["lesions_file"])
    table = pa.Table.from_pandas(of_then, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, ABOUT: json.dumps(about).encode()}), path)
    stretched = dataset.folder / "previews" / stretched_name(dataset.images["digest"][0])
    Image.new("L", (20, 20)).save(stretched)
    for row in dataset.images["image"]:
        dataset.preview(row).unlink()
    opened = Dataset.open(home, "png")
    assert opened.digest("full") == dataset.digest("full") and opened.depths == []
    assert list(opened.images["depth_given"]) == ["12 mm"] * 6
    assert opened.preview(opened.images["image"][0]) == stretched
    for source, film in zip(opened.sources(opened.images), films, strict=True):
        assert np.array_equal(source.read().pixels, film) and source.read().bits == 16
    assert set(opened.table("crop")) == set(dataset.table("crop"))


def test_a_coloured_mark_loses_a_picture_only_where_the_user_does_not_allow_it(home, films, save, tmp_path, capsys):
    folder = tmp_path / "marked"
    for number, film in enumerate(films):
        save(folder / f"{number}", film, "png")
    eight = (films[0] >> 4).astype(np.uint8)
    marked = np.repeat(eight[:, :, None], 3, axis=2)
    marked[10:14, 10:20] = 255, 0, 0
    Image.fromarray(marked).save(folder / "0.png")
    lines = [f"{number}.png,{'BM'[number % 2]}" for number in range(6)]
    (folder / "set.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    common = ("index", "manifest", folder / "set.csv", "--as", "marked", "--home", home.path)
    code, _, err = run(capsys, *common)
    refused = Dataset.open(home, "marked")
    assert code == 0 and len(refused.images) == 5 and "--colour-marks ignore" in refused.quarantine["reason"][0]
    code, _, err = run(capsys, *common, "--colour-marks", "ignore")
    dataset = Dataset.open(home, "marked")
    assert code == 0 and len(dataset.images) == 6 and "1 image: coloured marks on a grey picture" in err
    assert list(dataset.images["rules"]) == ["colour-marks", "", "", "", "", ""] and not dataset.quarantine.size
    grey = dataset.sources(dataset.images)[0].read().pixels
    assert np.array_equal(grey[20:], eight[20:])
    words = ("look", folder / "0.png", "--json")
    assert json.loads(run(capsys, *words)[1])[0]["reason"].startswith("coloured")
    for options in (("--colour-marks", "ignore"), ("--dataset", "marked", "--home", home.path)):
        (look,) = json.loads(run(capsys, *words, *options)[1])
        assert look["reason"] is None and "coloured pixels" in look["notes"][0]
    assert len(finish(index_manifest(home, "marked", folder / "set.csv", workers=1)).images) == 5


def run(capsys, *words) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_look_tells_how_a_file_is_read_alone_and_in_a_data_set(home, films, index, capsys, tmp_path):
    dataset = index(home, films, "png")
    path = dataset.path("3.png")
    code, out, _ = run(capsys, "look", path, "--json")
    (alone,) = json.loads(out)
    film = films[3]
    where = film.shape[0] // 2, film.shape[1] // 5
    assert code == 0 and (alone["height"], alone["width"]) == film.shape
    assert (alone["bits"], alone["depth"], alone["reason"]) == (16, None, None)
    assert f"holds values up to {film.max():,}" in alone["notes"][0] and "decides no depth" in alone["notes"][0]
    assert alone["maximum"] == pytest.approx(film.max() / 65535) and alone["centre"] == film[where] / 65535
    code, out, _ = run(
        capsys, "look", path, "--json", "--dataset", "png", "--home", home.path, "--to", tmp_path / "seen.png"
    )
    (within,) = json.loads(out)
    assert (within["bits"], within["depth"]) == (16, 12) and "read at 12 bits" in within["notes"][0]
    greys = [within[name] for name in ("minimum", "maximum", "mean", "centre")]
    assert greys == pytest.approx([film.min() / 4095, film.max() / 4095, film.mean() / 4095, film[where] / 4095])
    assert np.allclose(np.asarray(Image.open(tmp_path / "seen.png")) / 65535, film / 4095, atol=1e-5)


def test_look_goes_on_where_a_file_cannot_be_read(home, films, index, capsys, tmp_path):
    dataset = index(home, films, "png")
    text = tmp_path / "text.dcm"
    text.write_text("hello")
    code, out, _ = run(capsys, "look", text, dataset.path("0.png"), tmp_path / "none.png", "--json")
    first, second, third = json.loads(out)
    assert code == 0 and second["reason"] is None and second["mean"] > 0
    assert "not an image" in first["reason"] and "No such file" in third["reason"]
    assert {first[name] for name in ("height", "bits", "minimum", "centre")} == {None}
    code, out, err = run(capsys, "look", text)
    assert code == 1 and f"{text}: not an image" in out and "1 of 1 files cannot be read" in err
    code, _, err = run(capsys, "look", text, "--dataset", "nobody", "--home", home.path)
    assert code == 2 and "There is no data set 'nobody'" in err


def test_look_says_where_a_data_set_has_no_such_film(home, films, index, save, capsys, tmp_path):
    index(home, films, "png")
    save(tmp_path / "one", films[0], "npy")
    _, out, _ = run(capsys, "look", tmp_path / "one.npy", "--dataset", "png", "--home", home.path, "--json")
    (look,) = json.loads(out)
    assert look["depth"] is None and "The data set png has no NPY files" in look["notes"][0]


def test_index_prints_the_decision_and_takes_another(home, films, index, capsys):
    path = Path(index(home, films, "png").about["root"]) / "set.csv"
    common = ("index", "manifest", path, "--as", "png", "--home", home.path)
    code, out, err = run(capsys, *common, "--json")
    summary = json.loads(out)
    assert code == 0 and "Depth: 16-bit PNG files are read at 12 bits, decided from the films" in err
    assert summary["depth"][0]["bits"] == 12 and summary["depth"][0]["films"] == 6 and summary["missing"] == {}
    assert summary["digest"] == Dataset.open(home, "png").content_digest
    _, out, err = run(capsys, *common, "--bits", "14", "--json")
    assert json.loads(out)["depth"][0]["bits"] == 14 and "named by --bits 14" in err
    assert json.loads(out)["digest"] != summary["digest"]
    code, _, err = run(capsys, *common, "--bits", "24")
    assert code == 2 and "--bits takes auto, container, or a number from 8 to 16, not '24'" in err


def test_a_moved_preview_of_a_shared_home_keeps_its_brightness(home, films, index):
    dataset = index(home, films, "png")
    image = dataset.images["image"][0]
    shown = read_preview(dataset.preview(image)) / 255
    assert abs(shown.mean() - films[0].mean() / 4095) < 5e-3
    moved = Home(home.path.parent / "moved")
    shutil.copytree(home.path, moved.path)
    assert Dataset.open(moved, "png").preview(image).read_bytes() == dataset.preview(image).read_bytes()
    pd.testing.assert_frame_equal(Dataset.open(moved, "png").images, dataset.images)
