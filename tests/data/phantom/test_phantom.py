import csv
import dataclasses
import hashlib
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo.data.phantom import (
    MANUFACTURER,
    PATCH_FINDINGS,
    PhantomSpec,
    draw_patients,
    lesion_patch,
    render_view,
    write_phantom,
)
from mammo.data.phantom.files.layout import CROP, FULL, MASK, plan
from mammo.data.phantom.files.tree import MARK, UNFINISHED, crop
from mammo.data.phantom.pictures.tissue import SPECTRAL_EXPONENT, PixelGrid, power_law_field
from mammo.errors import MammoError
from mammo.progress import finish

SPEC = PhantomSpec(images=61, seed=3, height=160)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("phantom")
    finish(write_phantom(root, SPEC, workers=1))
    return root


@pytest.fixture(scope="module")
def many():
    return draw_patients(PhantomSpec(images=4000, seed=1))


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def case_rows(root: Path) -> list[dict[str, str]]:
    rows = []
    for path in sorted((root / "csv").iterdir()):
        with path.open(newline="") as stream:
            rows.extend(csv.DictReader(stream))
    return rows


def views(patients):
    return [(patient, breast, view) for patient in patients for breast in patient.breasts for view in breast.views]


def auc(scores, labels) -> float:
    scores, labels = np.array(scores, float), np.array(labels, bool)
    above = scores[labels][:, None] - scores[~labels][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def score(lesion) -> float:
    return lesion.assessment or 3.5


@pytest.mark.parametrize("images", [1, 2, 7, 61, 200])
def test_exactly_as_many_images_are_listed_as_asked_for(images):
    patients = draw_patients(PhantomSpec(images=images, seed=images))
    assert sum(len(plan(patient)) for patient in patients) == images


@pytest.mark.parametrize("wrong", [{"images": 0}, {"images": 3, "height": 20}, {"images": 3, "seed": -1}])
def test_impossible_specs_are_refused(wrong):
    with pytest.raises(MammoError):
        PhantomSpec(**wrong)


def test_files_are_the_same_whatever_the_worker_count(tmp_path):
    spec = PhantomSpec(images=7, seed=2, height=160)
    for workers in (1, 2):
        finish(write_phantom(tmp_path / str(workers), spec, workers=workers))
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_another_seed_gives_other_pixels():
    patients = (next(iter(views(draw_patients(PhantomSpec(images=2, seed=seed))))) for seed in (0, 1))
    first, second = (render_view(patient, breast, view, 160).image[:, :80] for patient, breast, view in patients)
    assert not np.array_equal(first, second)


def test_a_patient_does_not_depend_on_the_others(many):
    assert draw_patients(PhantomSpec(images=100, seed=1))[:30] == many[:30]


def test_progress_counts_full_images(tmp_path):
    steps = list(write_phantom(tmp_path, PhantomSpec(images=5, height=128), workers=1))
    assert [step.done for step in steps] == [0, 1, 2, 3, 4, 5]
    assert {(step.stage, step.total) for step in steps} == {("phantom", 5)}


def test_a_complete_tree_is_left_alone(tree):
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    list(write_phantom(tree, SPEC, workers=1))
    assert before == {path: path.stat().st_mtime_ns for path in tree.rglob("*")}


def test_an_interrupted_run_resumes_and_keeps_whole_patients(tmp_path):
    spec = PhantomSpec(images=6, seed=3, height=128)
    finish(write_phantom(tmp_path / "whole", spec, workers=1))
    work = write_phantom(tmp_path / "cut", spec, workers=1)
    for _ in range(4):
        next(work)
    work.close()
    assert not (tmp_path / "cut" / MARK).exists()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cut").rglob("*.dcm")}
    finish(write_phantom(tmp_path / "cut", spec, workers=1))
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")
    assert not (tmp_path / "cut" / UNFINISHED).exists()


def test_another_spec_replaces_the_tree(tmp_path):
    for images in (4, 2):
        finish(write_phantom(tmp_path, PhantomSpec(images=images, height=128), workers=1))
    assert len(list(tmp_path.rglob("*full mammogram*"))) == 2


def test_a_real_collection_is_never_overwritten(tmp_path):
    precious = tmp_path / "CBIS-DDSM" / "Mass-Test_P_00016_LEFT_CC" / "film.dcm"
    precious.parent.mkdir(parents=True)
    precious.write_text("real")
    with pytest.raises(MammoError, match="not made by the phantom"):
        finish(write_phantom(tmp_path, SPEC, workers=1))
    assert precious.read_text() == "real"


def test_every_planned_file_exists_and_reads_as_synthetic_dicom(tree):
    listings = [listing for patient in draw_patients(SPEC) for listing in plan(patient)]
    planned = {file.path: file for listing in listings for file in listing.files}
    assert set(planned) == {str(path.relative_to(tree)) for path in tree.rglob("*.dcm")}
    assert sum(file.pixels == FULL for file in planned.values()) == SPEC.images
    for path, file in planned.items():
        data = pydicom.dcmread(tree / path)
        pixels = data.pixel_array
        assert (data.Manufacturer, data.PatientID, data.Modality) == (MANUFACTURER, file.folder, "MG")
        assert data.file_meta.TransferSyntaxUID == pydicom.uid.ImplicitVRLittleEndian
        assert "ynthetic" in data.ImageComments
        assert pixels.dtype == (np.uint8 if file.pixels == MASK else np.uint16)
        if file.pixels == MASK:
            assert set(np.unique(pixels)) == {0, 255}


def test_case_tables_have_the_collections_quirks(tree):
    rows = case_rows(tree)
    masses = [row for row in rows if row["abnormality type"] == "mass"]
    calcifications = [row for row in rows if row["abnormality type"] == "calcification"]
    assert masses
    assert calcifications
    assert all("breast_density" in row and row["ROI mask file path"].endswith(".dcm\n") for row in masses)
    assert all("breast density" in row and row["cropped image file path"].endswith(".dcm\n") for row in calcifications)
    assert len({row["image file path"] for row in rows}) == SPEC.images
    study_folders = {path.parts[-3][: len("08-29-2017-DDSM")] for path in tree.rglob("*.dcm")}
    assert study_folders == {"08-29-2017-DDSM", "10-04-2016-DDSM"}
    assert {path.name for path in tree.rglob("*.dcm")} == {"1-1.dcm", "1-2.dcm", "000000.dcm", "000001.dcm"}


def test_case_tables_have_the_collections_columns(tree, samples):
    for path in sorted((samples / "csv").iterdir()):
        assert path.read_text().splitlines()[0] == (tree / "csv" / path.name).read_text().splitlines()[0]


def test_metadata_names_every_series_once(tree):
    with (tree / "metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    folders = {path.parent.relative_to(tree).as_posix() for path in tree.rglob("*.dcm")}
    assert {row["File Location"].removeprefix("./") for row in rows} == folders
    assert len({row["Series UID"] for row in rows}) == len(rows)
    assert sum(int(row["Number of Images"]) for row in rows) == len(list(tree.rglob("*.dcm")))


def test_crop_and_mask_quirks_have_their_shares(many):
    rows = [row for patient in many for listing in plan(patient) for row in listing.rows]
    assert np.mean([row.crop.pixels == MASK for row in rows]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([row.crop.series != row.mask.series for row in rows]) == pytest.approx(0.05, abs=0.02)
    assert 0.01 < np.mean([row.mask.scale < 1 or row.crop.scale < 1 for row in rows]) < 0.05


def test_a_view_with_both_kinds_is_listed_twice_with_the_same_pixels(tree):
    views = defaultdict(list)
    for patient in draw_patients(SPEC):
        for listing in plan(patient):
            views[patient.name, listing.breast.side, listing.view].append(listing)
    twice = [pair for pair in views.values() if len(pair) == 2]
    assert twice
    for first, second in twice:
        assert {first.kind, second.kind} == {"mass", "calcification"}
        assert first.full.series != second.full.series
        pixels = [pydicom.dcmread(tree / listing.full.path).pixel_array for listing in (first, second)]
        assert np.array_equal(*pixels)


def test_files_are_found_by_folder_name_and_by_series_uid(tree):
    folders = {path.name for path in (tree / "CBIS-DDSM").iterdir()}
    series = {str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID) for path in tree.rglob("*.dcm")}
    for row in case_rows(tree):
        for column in ("image file path", "cropped image file path", "ROI mask file path"):
            folder, _, uid, _ = row[column].strip().split("/")
            assert folder in folders
            assert uid in series


def test_shares_of_labels_and_splits(many):
    lesions = [
        lesion
        for patient in many
        for breast, view, kind in patient.listed()
        for lesion in breast.lesions_in(view, kind)
    ]
    pathology = Counter(lesion.pathology for lesion in lesions)
    assert pathology["MALIGNANT"] / len(lesions) == pytest.approx(0.41, abs=0.04)
    assert pathology["BENIGN_WITHOUT_CALLBACK"] / len(lesions) == pytest.approx(0.19, abs=0.04)
    assert np.mean([lesion.kind == "mass" for lesion in lesions]) == pytest.approx(0.53, abs=0.03)
    for kind in ("mass", "calcification"):
        splits = [patient.split(kind) for patient in many if kind in {kind for *_, kind in patient.listed()}]
        assert np.mean([split == "test" for split in splits]) == pytest.approx(0.2, abs=0.03)


def test_some_patients_and_labels_conflict_as_in_the_collection(many):
    torn = [patient for patient in many if len({patient.split(kind) for *_, kind in patient.listed()}) == 2]
    assert 0 < len(torn) < 0.04 * len(many)
    mixed = [{lesion.malignant for lesion in breast.lesions_in(view)} for _, breast, view in views(many)]
    assert 0 < np.mean([len(labels) == 2 for labels in mixed]) < 0.02


def test_appearance_tells_pathology_only_so_well(many):
    lesions = [lesion for _, breast, view in views(many) for lesion in breast.lesions_in(view)]
    assert 0.89 < auc([lesion.suspicion for lesion in lesions], [lesion.malignant for lesion in lesions]) < 0.93


def test_the_readers_own_auc_is_that_of_the_collection(many):
    images = [breast.lesions_in(view, kind) for patient in many for breast, view, kind in patient.listed()]
    labels = [any(lesion.malignant for lesion in lesions) for lesions in images]
    assert 0.76 < auc([max(map(score, lesions)) for lesions in images], labels) < 0.82


def test_the_same_lesion_shows_in_both_views(many):
    both = [breast for patient in many for breast in patient.breasts if len(breast.views) == 2]
    assert np.mean([lesion.views == ("CC", "MLO") for breast in both for lesion in breast.lesions]) > 0.9
    depths = {"CC": [], "MLO": []}
    for patient, breast, view in views(many[:40]):
        if len(breast.views) == 2 and len(breast.lesions) == 1:
            depths[view].append(depth_of_lesion(render_view(patient, breast, view, 160)))
    assert np.corrcoef(depths["CC"], depths["MLO"])[0, 1] > 0.7


def depth_of_lesion(view) -> float:
    ((_, mask),) = view.lesions
    column = float(np.flatnonzero(mask.any(axis=0)).mean())
    width = mask.shape[1]
    breast_left = view.image[:, : width // 2].mean() > view.image[:, width // 2 :].mean()
    return column if breast_left else width - column


def test_masks_mark_where_the_lesion_is(many):
    for patient, breast, view in views(many[:6]):
        bare = dataclasses.replace(breast, lesions=())
        rendered, without = render_view(patient, breast, view, 256), render_view(patient, bare, view, 256)
        change = np.abs(rendered.image.astype(float) - without.image)
        inside = np.any([mask for _, mask in rendered.lesions], axis=0)
        assert inside.shape == rendered.image.shape
        assert change[inside].mean() > 5 * change[~inside].mean()
        assert crop(rendered.image, inside).size < rendered.image.size / 2


def test_obvious_masses_outshine_subtle_ones(many):
    patient, breast, view = next(
        (patient, breast, view) for patient, breast, view in views(many) if breast.lesions[0].kind == "mass"
    )
    gains = []
    for subtlety in range(1, 6):
        lesion = dataclasses.replace(breast.lesions[0], subtlety=subtlety)
        shown = render_view(patient, dataclasses.replace(breast, lesions=(lesion,)), view, 256)
        gains.append(float(shown.image[shown.lesions[0][1]].mean()))
    assert all(weaker < stronger for weaker, stronger in pairwise(gains))


def test_images_use_the_range_of_scanned_film(many):
    for patient, breast, view in views(many[:5]):
        image = render_view(patient, breast, view, 256).image
        assert image.dtype == np.uint16
        assert 0.49 < image.shape[1] / image.shape[0] < 0.71
        assert np.percentile(image, 20) < 2500
        assert np.percentile(image, 95) > 20000


def test_tissue_has_the_power_spectrum_of_mammograms():
    grid = PixelGrid(256, 256, 256)
    spectra = [np.abs(np.fft.fft2(power_law_field(np.random.default_rng(seed), grid))) ** 2 for seed in range(8)]
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    band = (frequency > 0.04) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[band]), np.log(np.mean(spectra, axis=0)[band]), 1)[0]
    assert slope == pytest.approx(-SPECTRAL_EXPONENT, abs=0.15)


@pytest.mark.parametrize("finding", PATCH_FINDINGS)
def test_patches_are_deterministic_and_in_range(finding):
    patch, repeated = (lesion_patch(np.random.default_rng(7), finding) for _ in range(2))
    assert np.array_equal(patch, repeated)
    assert (patch.shape, patch.dtype) == ((96, 96), np.float32)
    assert patch.min() >= 0
    assert patch.max() <= 1
    assert patch.std() > 0.01
    assert lesion_patch(np.random.default_rng(7), finding, size=48).shape == (48, 48)


def test_unknown_findings_are_refused():
    with pytest.raises(MammoError, match="normal"):
        lesion_patch(np.random.default_rng(0), "cyst")


def test_file_descriptions_lie_as_in_the_collection(many):
    files = [
        file for patient in many[:300] for listing in plan(patient) for file in listing.files if file.pixels != FULL
    ]
    assert {(file.pixels, file.description) for file in files} == {(a, b) for a in (CROP, MASK) for b in (CROP, MASK)}
