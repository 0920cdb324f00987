import re

import pandas as pd
import pytest

from mammo.data.collections.cbis_ddsm.case_tables import CASE_FILES, find_case_files, images_of, read_cases
from mammo.errors import MammoError

MASS, CALC = "mass_case_description_train_set.csv", "calc_case_description_test_set.csv"


@pytest.fixture(scope="module")
def real(samples):
    return read_cases(find_case_files(samples / "nbia", samples / "csv")).lesions


def change(tree, name, row, column, value):
    """Put `value` into one cell of a case CSV; the header is row 1."""
    path = tree / "csv" / name
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if row is None:
        table = table.drop(columns=column) if value is None else table.rename(columns={column: value})
    else:
        table.loc[row - 2, column] = value
    table.to_csv(path, index=False)
    return path


def read(tree):
    return read_cases(find_case_files(tree)).lesions


def test_the_real_lesions_are_those_of_the_collection(real):
    assert len(real) == real["lesion"].nunique() == 3568
    assert real["patient"].nunique() == 1566
    assert real["pathology"].value_counts().to_dict() == {
        "MALIGNANT": 1457,
        "BENIGN": 1429,
        "BENIGN_WITHOUT_CALLBACK": 682,
    }
    assert (real["label"] == "malignant").sum() == 1457
    assert real["density"].isna().sum() == 2
    assert real["subtlety"].isna().sum() == 2
    assert real.groupby(["abnormality", "split"]).size().to_dict() == {
        ("calc", "test"): 326,
        ("calc", "train"): 1546,
        ("mass", "test"): 378,
        ("mass", "train"): 1318,
    }


def test_the_quoted_newlines_are_gone(real):
    for column in ("image_path", "crop_path", "mask_path"):
        assert real[column].str.fullmatch(r"\S+\.dcm").all()


def test_the_real_images_are_those_of_the_collection(real):
    images = images_of(real)
    assert len(images) == images["image"].nunique() == 3103
    assert images["film"].nunique() == 3032
    assert images["conflict"].sum() == 17
    assert images["lesions"].sum() == 3568
    assert images.groupby(["abnormality", "split"]).size().to_dict() == {
        ("calc", "test"): 284,
        ("calc", "train"): 1227,
        ("mass", "test"): 361,
        ("mass", "train"): 1231,
    }
    test = images[images["split"] == "test"]
    assert (len(test), (test["label"] == "malignant").sum()) == (645, 264)
    assert (images.loc[images["conflict"], "label"] == "malignant").all()


def test_an_images_label_and_reader_are_the_worst_of_its_lesions(real):
    images = images_of(real).set_index("image")
    for image, lesions in real.groupby("image"):
        malignant = (lesions["pathology"] == "MALIGNANT").any()
        assert (images.loc[image, "label"] == "malignant") == malignant
        scores = [3.5 if score == 0 else score for score in lesions["birads"]]
        assert (images.loc[image, "birads"] or 3.5) == max(scores)


def test_the_readers_own_auc_is_the_published_one(real):
    from sklearn.metrics import roc_auc_score

    test = images_of(real).query("split == 'test'")
    scores = test["birads"].astype(float).replace(0.0, 3.5)
    assert roc_auc_score(test["label"] == "malignant", scores) == pytest.approx(0.770, abs=0.001)


def test_a_phantoms_csvs_are_read_alike(few_files):
    lesions = read(few_files)
    images = images_of(lesions)
    assert len(images) == 14
    assert set(lesions["abnormality"]) == {"mass", "calc"}
    assert lesions["lesion"].is_unique
    assert images["lesions"].sum() == len(lesions)


@pytest.mark.parametrize("folder", ["csv", ".", "downloads", "archive/csv", "../csv", ".."])
def test_the_csvs_are_found_beside_the_images(tree, folder):
    (tree / "csv").rename(tree / "away")
    (tree / folder).mkdir(parents=True, exist_ok=True)
    for name in CASE_FILES:
        (tree / "away" / name).rename(tree / folder / name)
    assert len(images_of(read(tree))) == 14


def test_the_cases_of_one_kind_alone_are_read_and_the_missing_csvs_named(tree):
    complete = read(tree)
    for name in CASE_FILES:
        if name.startswith("calc"):
            (tree / "csv" / name).unlink()
    cases = read_cases(find_case_files(tree))
    masses = complete[complete["abnormality"] == "mass"].reset_index(drop=True)
    pd.testing.assert_frame_equal(cases.lesions, masses, check_dtype=False)
    assert cases.absent == ("Calc-Training_", "Calc-Test_")
    assert cases.notes == [
        "Without calc_case_description_train_set.csv, calc_case_description_test_set.csv: the cases that they list "
        "are left out."
    ]


def test_no_csv_at_all_or_a_wrong_folder_is_reported(tree):
    with pytest.raises(MammoError, match=f"CSVs {', '.join(CASE_FILES)};"):
        find_case_files(tree, tree / "CBIS-DDSM")
    for wrong in (tree / "none", tree / "csv" / CALC):
        with pytest.raises(MammoError, match=f"{re.escape(str(wrong))} is no folder; .*--csv"):
            find_case_files(tree, wrong)


@pytest.mark.parametrize("column", ["pathology", "image view", "ROI mask file path", "assessment"])
def test_a_missing_column_is_named(tree, column):
    path = change(tree, MASS, None, column, None)
    with pytest.raises(MammoError, match=rf"{re.escape(str(path))} lacks the column (?!s)"):
        read(tree)


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("abnormality id", "nan", "the abnormality id 'nan' must not be empty"),
        ("abnormality id", "one", "the abnormality id 'one' is not a whole number"),
        ("patient_id", " ", "the patient_id '' must not be empty"),
        ("image file path", "", "the image file path '' must not be empty"),
        ("pathology", "UNPROVEN", "the pathology 'UNPROVEN' is none of BENIGN_WITHOUT_CALLBACK, BENIGN, MALIGNANT"),
    ],
)
def test_a_row_without_what_is_needed_is_set_aside(tree, column, value, sentence):
    complete = read(tree)
    change(tree, MASS, 3, column, value)
    cases = read_cases(find_case_files(tree))
    assert len(cases.lesions) == len(complete) - 1
    ((_, reason),) = cases.aside
    assert reason == f"{MASS}, row 3: {sentence}"


@pytest.mark.parametrize(
    ("column", "ours", "value"),
    [
        ("assessment", "birads", "four"),
        ("assessment", "birads", "3.5"),
        ("subtlety", "subtlety", "inf"),
        ("subtlety", "subtlety", "7"),
        ("breast_density", "density", "N/A"),
        ("left or right breast", "breast", "BOTH"),
        ("image view", "view", "LM"),
    ],
)
def test_an_odd_optional_cell_is_missing_and_counted(tree, column, ours, value):
    complete = read_cases(find_case_files(tree))
    change(tree, MASS, 3, column, value)
    cases = read_cases(find_case_files(tree))
    assert len(cases.lesions) == len(complete.lesions) and cases.aside == []
    empty = cases.lesions[ours].isna() | (cases.lesions[ours] == "")
    assert cases.missing[column] == empty.sum() == complete.missing.get(column, 0) + 1
    same = [name for name in complete.lesions if name not in (ours, "film")]
    pd.testing.assert_frame_equal(cases.lesions[same], complete.lesions[same])


def test_more_than_half_of_a_csv_set_aside_is_an_error(tree):
    path = tree / "csv" / MASS
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["pathology"] = "UNPROVEN"
    table.to_csv(path, index=False)
    with pytest.raises(MammoError, match=re.escape(f"{path}: {len(table)} of {len(table)} rows, more than half")):
        read(tree)


def test_the_other_name_of_density_is_understood(tree):
    before = read(tree)
    change(tree, MASS, None, "breast_density", "breast density")
    assert read(tree)["density"].equals(before["density"])
    change(tree, CALC, None, "breast density", "density")
    with pytest.raises(MammoError, match="lacks the column breast_density"):
        read(tree)


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16")])
def test_csvs_that_a_spreadsheet_saved_again_are_read_alike(tree, separator, encoding):
    before = read(tree)
    for path in (tree / "csv").iterdir():
        pd.read_csv(path, dtype=str).to_csv(path, sep=separator, encoding=encoding, index_label="row")
    pd.testing.assert_frame_equal(read(tree), before)


def test_missing_scores_stay_missing(tree):
    change(tree, MASS, 2, "subtlety", "")
    change(tree, MASS, 3, "breast_density", "0")
    lesions = read(tree)
    first, second = lesions.iloc[0], lesions.iloc[1]
    assert first["split"] == "train" and first["abnormality"] == "mass"
    assert pd.isna(first["subtlety"]) and pd.isna(second["density"])


def test_a_lesion_that_is_listed_twice_counts_once(tree):
    complete = read(tree)
    path = tree / "csv" / MASS
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    pd.concat([table, table.iloc[:1]]).to_csv(path, index=False)
    cases = read_cases(find_case_files(tree))
    assert len(cases.lesions) == len(complete)
    assert [reason for _, reason in cases.aside] == ["the case CSVs list this lesion twice"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00bad", b'a,b\n"unclosed'])
def test_a_file_that_is_no_csv_is_named(tree, content):
    path = tree / "csv" / CALC
    path.write_bytes(content)
    with pytest.raises(MammoError, match=re.escape(str(path))):
        read(tree)


def test_csvs_with_a_header_only_count_as_empty(tree):
    rows = read(tree)
    paths = sorted((tree / "csv").iterdir())
    for path in paths[1:]:
        path.write_text(path.read_text().splitlines()[0] + "\n")
    assert 0 < len(read(tree)) < len(rows)
    paths[0].write_text(paths[0].read_text().splitlines()[0] + "\n")
    with pytest.raises(MammoError, match="list no lesion"):
        read(tree)
