"""Every layout in which CBIS-DDSM is downloaded, on trees of the phantom generator."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from mammo.cli import main
from mammo.data.collections.cbis_ddsm.case_names import CaseNames
from mammo.data.collections.cbis_ddsm.case_tables import find_case_files, read_cases
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_cbis_ddsm, index_phantom
from mammo.data.phantom import LAYOUTS, PhantomSpec, draw_patients, write_layout
from mammo.data.phantom.files.layout import CROP, FULL, MASK, plan
from mammo.data.summary import summary
from mammo.errors import MammoError
from mammo.features.extraction.extract import extract
from mammo.progress import finish
from mammo.specs import CacheSpec, Home

SPEC = PhantomSpec(images=14, seed=2, height=128)
FILES = [file for patient in draw_patients(SPEC) for listing in plan(patient) for file in listing.files]


@pytest.fixture(scope="module")
def layouts(few_files, tmp_path_factory):
    """The same phantom in every layout."""
    roots = {"nbia": few_files}
    for layout in LAYOUTS:
        roots[layout] = tmp_path_factory.mktemp(layout)
        write_layout(few_files, SPEC, roots[layout], layout)
    return roots


def index(home, root, name="few", **options):
    return finish(index_cbis_ddsm(home, name, root, workers=1, **options))


def pixels_of(root, path):
    if path.endswith(".dcm"):
        return pydicom.dcmread(root / path).pixel_array
    return np.asarray(Image.open(root / path))


@pytest.mark.parametrize("layout", ["nbia", *LAYOUTS])
def test_every_layout_gives_the_same_index(home, layouts, layout):
    dataset, usual = index(home, layouts[layout]), index(home, layouts["nbia"], "usual")
    assert dataset.quarantine.empty and dataset.synthetic
    same = ["image", "patient", "breast", "view", "film", "label", "pathology", "split", "birads", "rows", "columns"]
    pd.testing.assert_frame_equal(dataset.images[same], usual.images[same])
    same = ["lesion", "image", "label", "crop_rows", "crop_columns"]
    pd.testing.assert_frame_equal(dataset.lesions[same], usual.lesions[same])
    assert dataset.lesions["mask"].notna().all()
    assert summary(dataset)["kinds"] == summary(usual)["kinds"]


@pytest.mark.parametrize(
    ("layout", "source"),
    [
        ("nbia", "CBIS-DDSM, DICOM files, folders named by case"),
        ("series", "CBIS-DDSM, DICOM files, folders named by series"),
        ("jpeg", "CBIS-DDSM, JPEG files, dicom_info.csv"),
    ],
)
def test_the_layout_is_recognised_and_reported(home, layouts, layout, source):
    assert index(home, layouts[layout]).about["source"] == source


@pytest.mark.parametrize("layout", ["nbia", *LAYOUTS])
def test_every_file_has_the_role_of_its_pixels(home, layouts, layout):
    dataset = index(home, layouts[layout])
    wrong = {file.path for file in FILES if file.pixels not in file.description}
    assert wrong, "the phantom files some crops as masks"
    by_size = {}
    for image in dataset.images.itertuples():
        by_size[image.image] = pixels_of(layouts[layout], image.file).shape
    for lesion in dataset.lesions.itertuples():
        crop, mask = (pixels_of(layouts[layout], path).astype(int) for path in (lesion.crop, lesion.mask))
        assert crop.shape < by_size[lesion.image] and len(np.unique(crop)) > 20
        assert np.isin(mask // 16, [0, 15]).mean() > 0.95
        assert mask.shape[0] >= 0.75 * by_size[lesion.image][0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_features_come_from_any_layout(home, layouts, layout):
    index(home, layouts[layout])
    for kind, items in (("full", 14), ("crop", len([file for file in FILES if file.pixels == CROP]))):
        spec = CacheSpec("few", "vgg16-mini", "random-0", size=32, kind=kind)
        (extraction,) = finish(extract(home, [spec], device="cpu", workers=1))
        assert extraction.cache.shape[0] == items


def test_dicom_files_in_one_heap_are_placed_by_their_headers(home, few_files, tmp_path):
    shutil.copytree(few_files / "csv", tmp_path / "csv")
    for number, path in enumerate(sorted(few_files.rglob("*.dcm"))):
        shutil.copy(path, tmp_path / f"{number}.dcm")
    dataset = index(home, tmp_path)
    assert len(dataset.images) == 14 and dataset.quarantine.empty
    assert dataset.lesions["crop"].notna().all() and dataset.lesions["mask"].notna().all()
    assert dataset.about["source"].endswith("folders named by series")


def test_jpeg_files_whose_folders_are_renamed_are_placed_by_the_list(home, layouts, tmp_path):
    root = shutil.copytree(layouts["jpeg"], tmp_path / "set")
    names = {folder.name: f"folder-{number}" for number, folder in enumerate(sorted((root / "jpeg").iterdir()))}
    for old, new in names.items():
        (root / "jpeg" / old).rename(root / "jpeg" / new)
    rows = list(csv.reader((root / "csv" / "dicom_info.csv").read_text().splitlines()))
    with (root / "csv" / "dicom_info.csv").open("w", newline="") as stream:
        for row in rows:
            parts = row[1].split("/")
            row[1] = "/".join([*parts[:-2], names.get(parts[-2], parts[-2]), parts[-1]]) if "/" in row[1] else row[1]
            csv.writer(stream).writerow(row)
    assert len(index(home, root).images) == 14
    assert index(home, root / "jpeg", "inside").about["source"] == index(home, root, "whole").about["source"]
    (root / "csv" / "dicom_info.csv").unlink()
    with pytest.raises(MammoError, match="None of the .+ is a readable image of the case CSVs .+belongs to no case"):
        index(home, root, "other")


def test_linked_folders_are_followed_once_and_never_above_the_root(home, few_files, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(few_files / "csv", root / "csv")
    (root / "again").symlink_to(few_files)
    (root / "CBIS-DDSM").symlink_to(few_files / "CBIS-DDSM")
    (root / "round").symlink_to(root)
    (root / "csv" / "up").symlink_to(tmp_path)
    shutil.copytree(few_files / "CBIS-DDSM", tmp_path / "elsewhere" / "CBIS-DDSM")
    dataset = index(home, root)
    assert len(dataset.images) == 14 and dataset.quarantine.empty


@pytest.mark.slow
def test_a_home_inside_the_root_adds_nothing_of_its_own(few_files, tmp_path):
    root = shutil.copytree(few_files, tmp_path / "root")
    shutil.rmtree(next((root / "CBIS-DDSM").glob("*_CC")))
    home = Home(root / "cache")
    finish(index_phantom(home, "phantom", 14, seed=2, workers=1))
    dataset = index(home, root)
    assert len(dataset.images) == 13 and dataset.quarantine.empty
    assert not dataset.images["file"].str.startswith("cache/").any()


def test_a_folder_that_cannot_be_opened_is_set_aside(home, tree):
    inner = os.open(tree, os.O_RDONLY)
    for _ in range(20):  # deeper than a path may be long
        os.mkdir("d" * 250, dir_fd=inner)
        outer, inner = inner, os.open("d" * 250, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    dataset = index(home, tree)
    assert len(dataset.images) == 14
    assert dataset.quarantine["reason"].tolist() == ["File name too long"]


def test_the_jpeg_set_without_its_list_is_placed_by_its_folders(home, layouts, tmp_path):
    root = shutil.copytree(layouts["jpeg"], tmp_path / "set")
    (root / "csv" / "dicom_info.csv").unlink()
    dataset = index(home, root)
    assert len(dataset.images) == 14 and dataset.quarantine.empty


def test_a_crop_as_large_as_its_mammogram_is_neither_crop_nor_mask(home, tree, full_images):
    dataset = index(home, tree)
    lesion = dataset.lesions.iloc[0]
    full = dataset.images.set_index("image").loc[lesion["image"], "file"]
    shutil.copy(tree / full, tree / lesion["crop"])
    again = index(home, tree)
    reasons = dict(again.quarantine.itertuples(index=False))
    assert reasons[lesion["crop"]].startswith("as large as the full mammogram")
    assert pd.isna(again.lesions.set_index("lesion").loc[lesion["lesion"], "crop"])


def test_one_file_under_two_cases_is_named_where_they_contradict_each_other(home, tree):
    images = index(home, tree).images
    benign, malignant = (images[images["label"] == label].iloc[0] for label in ("benign", "malignant"))
    shutil.copy(tree / benign["file"], tree / malignant["file"])
    again = index(home, tree)
    assert "Identical files have opposite labels (1 group of such files)." in again.notes
    assert any(f"{malignant['image']} (malignant)" in remark for remark in again.remarks)
    assert not any(malignant["image"] in note for note in again.notes)


def test_a_two_valued_crop_is_no_mask(home, tree):
    before = index(home, tree)
    lesion = before.lesions.iloc[0]
    data = pydicom.dcmread(tree / lesion["crop"])
    pixels = np.zeros((data.Rows, data.Columns), np.uint16)
    pixels[2:5, 2:5] = 60_000
    data.PixelData = pixels.tobytes()
    data.save_as(tree / lesion["crop"])
    after = index(home, tree).lesions.iloc[0]
    assert (after["crop"], after["mask"]) == (lesion["crop"], lesion["mask"])


def test_a_blank_file_is_neither_image_nor_mask(home, tree, full_images):
    mask = index(home, tree).lesions["mask"].iloc[0]
    for path in (tree / mask, full_images[0]):
        data = pydicom.dcmread(path)
        data.PixelData = b"\xff" * len(data.PixelData)
        data.save_as(path)
    dataset = index(home, tree)
    assert list(dataset.quarantine["reason"]) == ["blank: every pixel has the same value"] * 2
    assert len(dataset.images) == 13 and dataset.lesions["mask"].isna().sum() == 1


NAMES = {
    "long": ("{}_FULL", "{}_CROP", "{}_MASK"),
    "small": ("{}_full", "{}_cropped", "{}_roi_mask"),
    "number behind": ("{}", "{}_CROP_{}", "{}_MASK_{}"),
    "folder and file": ("{}_1-1", "{}_1-1", "{}_1-2"),
}
"""The file names of a flattened download: a full mammogram, a crop and a mask of a case."""


def flatten(tree, root, names, suffix):
    """The phantom's files in one folder, each named after its case and its content."""
    root.mkdir()
    for file in FILES:
        case = Path(file.path).parts[1]
        full, crop, mask = names
        pattern = {FULL: full, CROP: crop, MASK: mask}[file.pixels]
        image, _, number = case.rpartition("_")
        name = pattern.format(*([image, number] if pattern.count("{}") == 2 else [case])) + suffix
        pixels = pydicom.dcmread(tree / file.path).pixel_array
        if suffix == ".jpg":
            Image.fromarray((pixels / pixels.max() * 255).astype(np.uint8)).save(root / name, quality=95)
        else:
            Image.fromarray(pixels).save(root / name)


@pytest.mark.parametrize(("names", "suffix"), [*((names, ".png") for names in NAMES), ("long", ".jpg")])
def test_flattened_files_are_placed_by_their_names(home, few_files, layouts, tmp_path, names, suffix):
    flatten(few_files, tmp_path / "flat", NAMES[names], suffix)
    dataset = index(home, tmp_path / "flat", csv=few_files / "csv")
    usual = index(home, layouts["nbia"], "usual")
    assert dataset.quarantine.empty and len(dataset.images) == 14
    same = ["lesion", "image", "label"]
    pd.testing.assert_frame_equal(dataset.lesions[same], usual.lesions[same])
    assert dataset.lesions["crop"].notna().all() and dataset.lesions["mask"].notna().all()
    assert (
        dataset.about["source"] == f"CBIS-DDSM, {suffix[1:].upper().replace('JPG', 'JPEG')} files, files named by case"
    )


def test_a_mask_that_names_no_lesion_belongs_to_the_only_lesion_or_to_none(few_files):
    names = CaseNames(read_cases(find_case_files(few_files)).lesions)
    (image, lesions), *_ = ((image, lesions) for image, lesions in names.lesions.items() if len(lesions) == 1)
    assert names.in_file_name(f"{image}_MASK") == lesions[0]
    names.lesions[image] = [f"{image}_1", f"{image}_2"]
    names.cases.add(f"{image}_2")
    assert names.in_file_name(f"{image}_MASK") is None
    assert names.in_file_name(f"{image}_MASK_2") == f"{image}_2"
    assert names.in_file_name(f"{image.lower()}_full") == image
    assert names.in_file_name("Mass-Training_P_99999_LEFT_CC_FULL") is None


@pytest.mark.parametrize("layout", ["nbia", "series"])
def test_files_without_an_ending_are_placed_as_those_with_one(home, layouts, tmp_path, layout):
    root = shutil.copytree(layouts[layout], tmp_path / "set")
    for path in root.rglob("*.dcm"):
        path.rename(path.with_suffix(""))
    (root / "LICENSE").write_text("not an image")
    dataset, usual = index(home, root), index(home, layouts[layout], "usual")
    assert dataset.quarantine.empty and dataset.about["source"] == usual.about["source"]
    assert list(dataset.images["digest"]) == list(usual.images["digest"])
    assert list(dataset.lesions["crop_digest"]) == list(usual.lesions["crop_digest"])


@pytest.mark.parametrize("kind", ["mass", "calc"])
def test_one_kind_of_cases_is_indexed_without_the_csvs_of_the_other(home, layouts, tmp_path, kind):
    root = shutil.copytree(layouts["nbia"], tmp_path / "set")
    complete = index(home, root, "whole")
    for path in (root / "csv").iterdir():
        if not path.name.startswith(kind):
            path.unlink()
    dataset = index(home, root)
    expected = complete.images[complete.images["abnormality"] == kind].reset_index(drop=True)
    pd.testing.assert_frame_equal(dataset.images, expected)
    assert dataset.quarantine.empty
    absent = [file for file in FILES if not Path(file.path).parts[1].lower().startswith(kind)]
    assert dataset.notes[0].startswith("Without ") and dataset.notes[0].count("_set.csv") == 2
    assert dataset.notes[1] == f"{len(absent)} files of cases whose CSV is missing were passed over."


def test_odd_cells_of_the_case_csvs_cost_a_value_or_a_row(home, tree):
    complete = index(home, tree, "whole")
    path = next(path for path in sorted((tree / "csv").iterdir()) if len(path.read_text().splitlines()) > 5)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, "assessment"], table.loc[1, "pathology"] = "unknown", "UNPROVEN"
    table.to_csv(path, index=False)
    dataset = index(home, tree)
    assert len(dataset.lesions) == len(complete.lesions) - 1
    assert dataset.about["missing"]["assessment"] == 1
    assert any("row 3: the pathology 'UNPROVEN' is none of" in reason for reason in dataset.quarantine["reason"])


def test_the_tables_alone_index_without_one_image(home, few_files, tmp_path, capsys):
    shutil.copytree(few_files / "csv", tmp_path / "tables")
    command = [
        "index",
        "cbis-ddsm",
        str(tmp_path),
        "--metadata-only",
        "--as",
        "few",
        "--home",
        str(home.path),
        "--json",
    ]
    assert main(command) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["images"], counts["metadata_only"]) == (14, True)
    assert counts["kinds"] == {"full": 0, "crop": 0, "mask": 0}
    assert counts["lesions"] == len([file for file in FILES if file.pixels == CROP])
    dataset = Dataset.open(home, "few")
    assert dataset.metadata_only and dataset.images["file"].isna().all()
    with pytest.raises(MammoError, match="indexed with --metadata-only and has no images"):
        finish(extract(home, [CacheSpec("few", "vgg16-mini", "random-0", size=32)]))
    with pytest.raises(MammoError, match="indexed without images"):
        dataset.pixels(dataset.images["image"][0])
    full = index(home, few_files)
    assert not full.metadata_only and full.images["file"].notna().all()


def test_the_real_tables_hold_what_is_known_of_the_collection(home, samples):
    facts = summary(index(home, samples, metadata_only=True))
    counts = {name: facts[name] for name in ("images", "views", "lesions", "patients", "conflicts")}
    assert counts == {"images": 3103, "views": 3032, "lesions": 3568, "patients": 1566, "conflicts": 17}
    assert facts["labels"] == {"malignant": 1457, "benign": 1429, "benign_without_callback": 682}


def test_the_full_images_of_a_phantom_are_as_many_as_asked(layouts):
    assert len([file for file in FILES if file.pixels == FULL]) == SPEC.images
    assert len(list((layouts["jpeg"] / "jpeg").rglob("*.jpg"))) == len(FILES)
