import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pydicom
import pytest
from PIL import Image

from mammo.data.collections.cbis_ddsm.case_tables import find_case_files, images_of, read_cases
from mammo.data.dataset.dataset import Dataset, datasets
from mammo.data.files.previews import PREVIEW_HEIGHT
from mammo.data.index import inspected as inspecting
from mammo.data.index.cbis_ddsm import index_cbis_ddsm, index_phantom
from mammo.data.summary import summary
from mammo.errors import MammoError
from mammo.processes.guarded import guarded_map
from mammo.progress import finish

INDEXER = """
import sys, time
from pathlib import Path
from mammo import Home, index_cbis_ddsm
work = index_cbis_ddsm(Home(Path(sys.argv[1])), "few", Path(sys.argv[2]), workers=int(sys.argv[3]))
for step in work:
    if step.done == 20:
        print("in the middle", flush=True)
        time.sleep(60)
"""


def index(home, tree, **options):
    return finish(index_cbis_ddsm(home, "few", tree, workers=1, **options))


@pytest.fixture
def inspected(monkeypatch):
    """The files that an index reads, in order."""
    read = []

    def watched(work, requests, *arguments):
        read.extend(request.file for request in requests)
        return guarded_map(work, requests, *arguments)

    monkeypatch.setattr(inspecting, "guarded_map", watched)
    return read


def test_a_phantom_is_indexed_whole(home, few_files):
    dataset = index(home, few_files)
    listed = images_of(read_cases(find_case_files(few_files)).lesions)
    assert list(dataset.images["image"]) == list(listed["image"])
    for column in ("label", "pathology", "conflict", "lesions", "patient", "film", "split"):
        assert list(dataset.images[column]) == list(listed[column])
    assert dataset.synthetic and dataset.quarantine.empty
    assert dataset.lesions["crop"].notna().all() and dataset.lesions["mask"].notna().all()
    assert datasets(home) == ["few"]
    again = Dataset.open(home, "few")
    pd.testing.assert_frame_equal(again.images, dataset.images)
    pd.testing.assert_frame_equal(again.lesions, dataset.lesions)


def test_crops_and_masks_are_distinguished_by_their_pixels(home, few_files):
    for row in index(home, few_files).lesions.itertuples():
        crop = pydicom.dcmread(few_files / row.crop).pixel_array
        mask = pydicom.dcmread(few_files / row.mask).pixel_array
        assert len(np.unique(mask)) == 2 < len(np.unique(crop))
        assert crop.size < mask.size
        assert (row.crop_rows, row.crop_columns) == crop.shape


def test_the_crop_table_has_each_lesions_own_label(home, few_files):
    dataset = index(home, few_files)
    crops = dataset.table("crop")
    assert len(crops) == len(dataset.lesions)
    lesions = dataset.lesions.set_index("lesion")
    for row in crops.itertuples():
        assert row.label == lesions.loc[row.image, "label"]
        assert row.parent == lesions.loc[row.image, "image"]
        assert row.image.startswith(row.parent + "_")
    assert set(dataset.images.columns) <= set(crops.columns)
    with pytest.raises(MammoError, match="no image kind 'mask'; choose one of: full, crop"):
        dataset.table("mask")


def test_every_image_and_crop_has_a_preview_and_pixels(home, few_files):
    dataset = index(home, few_files)
    for kind in ("full", "crop"):
        for row in dataset.table(kind).itertuples():
            with Image.open(dataset.preview(row.image)) as picture:
                assert picture.height == min(PREVIEW_HEIGHT, row.rows)
            assert dataset.pixels(row.image).shape == (row.rows, row.columns)
    with pytest.raises(MammoError, match="has no image 'nobody'"):
        dataset.preview("nobody")


def test_the_real_files_are_five_crops_whatever_their_folders_say(home, samples):
    dataset = index(home, samples / "nbia", csv=samples / "csv")
    assert dataset.images.empty and not dataset.synthetic
    crops = dataset.table("crop")
    assert len(crops) == 5
    assert crops["file"].str.contains("ROI mask").sum() >= 3
    assert dataset.quarantine.empty
    counts = summary(dataset)
    assert (counts["images"], counts["lesions"], counts["listed_images"]) == (0, 5, 3103)
    assert counts["kinds"] == {"full": 0, "crop": 5, "mask": 0}
    assert all(dataset.preview(image).is_file() for image in crops["image"])
    assert all(dataset.pixels(image).max() == 255 for image in crops["image"])
    pd.testing.assert_frame_equal(Dataset.open(home, "few").table("crop"), crops)


def test_what_cannot_be_read_is_set_aside_with_a_reason_and_the_rest_goes_on(home, tree, full_images):
    complete = index(home, tree)
    broken, torn, bare, text, empty, lost = full_images[:6]
    broken.write_bytes(broken.read_bytes()[:400] + b"\xff" * 2000)
    torn.write_bytes(torn.read_bytes()[:-500])
    data = pydicom.dcmread(bare)
    del data.PixelData
    data.save_as(bare)
    text.write_text("hello")
    empty.write_bytes(b"")
    lost.unlink()
    lost.symlink_to(tree / "nowhere.dcm")
    dataset = index(home, tree)
    reasons = {tree / path: reason for path, reason in dataset.quarantine.itertuples(index=False)}
    assert set(reasons) == {broken, torn, bare, text, empty, lost}
    assert re.search("damaged|truncated|without pixels", reasons[broken])
    assert reasons[torn].startswith("truncated: it holds")
    assert reasons[bare] == "a DICOM file without pixels"
    assert reasons[text].startswith("not an image of a kind that is read")
    assert reasons[empty] == "an empty file"
    assert reasons[lost] == "No such file or directory"
    assert len(dataset.images) == len(complete.images) - 6
    assert len(dataset.lesions) == len(complete.lesions)
    listed = pd.read_csv(dataset.folder / "quarantine.csv")
    assert len(listed) == 6 and listed["reason"].str.len().gt(5).all()
    assert len(summary(dataset)["quarantined"]) == 6


def test_files_that_no_row_asks_for_are_set_aside(home, tree, full_images):
    stray = tree / "CBIS-DDSM" / "Mass-Test_P_99999_LEFT_CC" / "a" / "b" / "1-1.dcm"
    stray.parent.mkdir(parents=True)
    shutil.copy(full_images[0], stray)
    twin = full_images[1].with_name("1-2.dcm")
    shutil.copy(full_images[1], twin)
    dataset = index(home, tree)
    reasons = {tree / path: reason for path, reason in dataset.quarantine.itertuples(index=False)}
    assert set(reasons) == {stray, twin}
    assert reasons[stray].startswith("a second full mammogram in ")
    assert reasons[twin].startswith("a second full mammogram in ")
    assert len(dataset.images) == 14


def test_an_empty_or_missing_folder_is_reported_plainly(home, few_files, tmp_path):
    with pytest.raises(MammoError, match="There is no folder"):
        index(home, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MammoError, match="lacks the case description CSVs"):
        index(home, tmp_path / "empty")
    with pytest.raises(MammoError, match=r"holds no image file \(.dcm, .jpg.+or add --metadata-only"):
        index(home, tmp_path / "empty", csv=few_files / "csv")
    assert datasets(home) == []


def test_when_nothing_can_be_read_there_is_no_data_set(home, tree):
    for path in tree.rglob("*.dcm"):
        path.write_bytes(b"")
    with pytest.raises(MammoError, match=r"None of the \d+ image files"):
        index(home, tree)
    assert datasets(home) == []


def test_a_failed_index_keeps_the_old_one(home, tree):
    before = index(home, tree)
    for path in (tree / "csv").iterdir():
        path.unlink()
    with pytest.raises(MammoError, match="lacks the case description CSVs"):
        index(home, tree)
    pd.testing.assert_frame_equal(Dataset.open(home, "few").images, before.images)


def test_indexing_again_reads_only_what_changed(home, tree, full_images, inspected):
    before = index(home, tree)
    assert len(inspected) == len(list(tree.rglob("*.dcm")))
    inspected.clear()
    assert index(home, tree).about == before.about
    assert inspected == []
    data = pydicom.dcmread(full_images[3])
    data.PixelData = data.PixelData[::-1]
    data.save_as(full_images[3])
    changed = index(home, tree)
    assert inspected == [str(full_images[3].relative_to(tree))]
    assert (changed.images["digest"] != before.images["digest"]).sum() == 1
    assert changed.digest("full") != before.digest("full")
    assert changed.digest("crop") == before.digest("crop")
    inspected.clear()
    shutil.rmtree(changed.folder / "previews")
    assert index(home, tree).images.equals(changed.images)
    assert len(inspected) == len(before.images) + len(before.lesions)


@pytest.mark.parametrize("damage", [b"", b"PAR1 rubbish", None])
def test_lost_notes_of_an_earlier_run_cost_only_time(home, tree, inspected, damage):
    before = index(home, tree)
    notes = before.folder / inspecting.INSPECTED
    if damage is None:
        pd.read_parquet(notes).drop(columns="digest").to_parquet(notes)
    else:
        notes.write_bytes(damage)
    inspected.clear()
    assert index(home, tree).images.equals(before.images)
    assert len(inspected) == len(list(tree.rglob("*.dcm")))


def test_workers_find_the_same(home, tree):
    serial = index(home, tree)
    shutil.rmtree(serial.folder)
    parallel = finish(index_cbis_ddsm(home, "few", tree, workers=2))
    assert parallel.images.equals(serial.images) and parallel.lesions.equals(serial.lesions)
    assert parallel.about == serial.about


def test_a_phantom_data_set_can_move_with_its_home(home, tmp_path):
    from mammo.specs import Home

    finish(index_phantom(home, "few", images=3, seed=0, workers=1))
    moved = Home(home.path.rename(tmp_path / "moved"))
    dataset = Dataset.open(moved, "few")
    assert dataset.pixels(dataset.images["image"][0]).any()


@pytest.mark.parametrize("images", [0, 100_001])
def test_a_phantom_of_impossible_size_is_refused(home, images):
    with pytest.raises(MammoError, match="between 1 and 100,000 images"):
        finish(index_phantom(home, "few", images=images, seed=0))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
@pytest.mark.faults("SIGKILL in the midst of an index", "The old index stays whole, and the next one is not held up")
def test_a_killed_index_keeps_the_old_one_and_holds_nothing(home, tree, full_images, workers):
    before = index(home, tree)
    for path in tree.rglob("*.dcm"):
        data = pydicom.dcmread(path)
        data.PixelData = data.PixelData[::-1]
        data.save_as(path)
    command = [sys.executable, "-c", INDEXER, str(home.path), str(tree), str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in the middle\n"
        with pytest.raises(MammoError, match="Another process is indexing"):
            index(home, tree)
        os.kill(process.pid, signal.SIGKILL)
    opened = Dataset.open(home, "few")
    pd.testing.assert_frame_equal(opened.images, before.images)
    pd.testing.assert_frame_equal(opened.lesions, before.lesions)
    (opened.folder / ".partial-killed").write_bytes(b"")
    index(home, tree)
    after = Dataset.open(home, "few")
    assert (after.images["digest"] != before.images["digest"]).all()
    assert not list(after.folder.glob(".partial-*"))


@pytest.mark.parametrize("name", ["index.parquet", "lesions"])
@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 100])
def test_a_damaged_index_is_reported_plainly(home, few_files, name, content):
    folder = index(home, few_files).folder
    (path,) = folder.glob(f"{name}*")
    if content is None and name == "index.parquet":
        pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    elif content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(MammoError, match="The index of 'few' is damaged .+ run `mammo index` again"):
        Dataset.open(home, "few")
    assert len(index(home, few_files).images) == 14


@pytest.mark.faults(
    "A byte of an index is flipped, at 120 places", "It changes nothing, or the index is called damaged"
)
def test_a_flipped_byte_in_the_index_changes_nothing_or_ends_in_a_sentence(home, few_files):
    dataset = index(home, few_files)
    path, before = dataset.folder / "index.parquet", dataset.images
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for position in [*rng.integers(pages, size=60), *rng.integers(pages, len(content), size=60)]:
        changed = bytearray(content)
        changed[position] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            opened = Dataset.open(home, "few")
        except MammoError as error:
            assert "damaged" in str(error)
        else:
            assert position >= pages or opened.images.equals(before)


def test_an_unknown_data_set_lists_those_that_are_there(home, few_files):
    with pytest.raises(MammoError, match=r"There is no data set 'cbis' in .+ \(there: none yet\)"):
        Dataset.open(home, "cbis")
    index(home, few_files)
    with pytest.raises(MammoError, match=r"\(there: few\); make one with `mammo index`"):
        Dataset.open(home, "cbis")


def test_an_image_that_has_gone_is_reported_plainly(home, tree, full_images):
    dataset = index(home, tree)
    row = dataset.images.iloc[0]
    dataset.path(row["file"]).unlink()
    with pytest.raises(MammoError, match="can no longer be read"):
        dataset.pixels(row["image"])


def test_an_index_in_a_home_that_cannot_be_written_is_reported_plainly(tree, tmp_path):
    from mammo.specs import Home

    (tmp_path / "file").write_text("")
    with pytest.raises(MammoError, match="^Cannot write"):
        index(Home(tmp_path / "file"), tree)


@pytest.mark.faults(
    "The disk is full in the midst of an index",
    "It ends in a sentence; the old index stays whole, and the same command goes on later",
)
def test_a_full_disk_keeps_the_old_index(tree, full_images, small_disk):
    from mammo.specs import Home

    home = Home(small_disk(600))
    before = index(home, tree)
    disk = os.statvfs(home.path)
    (home.path / "filler").write_bytes(b"x" * (disk.f_bavail * disk.f_frsize - 8192))
    data = pydicom.dcmread(full_images[0])
    data.PixelData = data.PixelData[::-1]
    data.save_as(full_images[0])
    with pytest.raises(MammoError, match="The disk is full"):
        index(home, tree)
    pd.testing.assert_frame_equal(Dataset.open(home, "few").images, before.images)
    (home.path / "filler").unlink()
    assert index(home, tree).digest("full") != before.digest("full")


def test_a_file_name_that_no_index_could_hold_ends_in_one_sentence(home, few_files, tmp_path):
    folder = tmp_path / "tree" / "Mass-Training_P_00001_LEFT_CC"
    folder.mkdir(parents=True)
    try:
        (folder / os.fsdecode(b"b\xffd.dcm")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(MammoError, match="not UTF-8; rename it"):
        index(home, tmp_path / "tree", csv=few_files / "csv")
