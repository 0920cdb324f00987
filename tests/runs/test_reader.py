import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.data.birads import SCORES, is_birads_zero, reader_scores, threshold_words
from mammo.data.collections.cbis_ddsm.case_tables import find_case_files, images_of, read_cases
from mammo.data.dataset.dataset import Dataset
from mammo.errors import MammoError
from mammo.results.board.leaderboard import leaderboard
from mammo.runs.reader import circularity_of, reader_of, reader_summary, scored_by_reader
from mammo.runs.stored_run import StoredRun
from mammo.statistics.metrics import auc

TABLE = pd.DataFrame(
    {
        "image": [f"i{number}" for number in range(9)],
        "patient": ["a", "a", "b", "c", "d", "e", "f", "g", "h"],
        "birads": pd.array([0, 4, 5, 2, 3, 4, 0, None, 5], dtype="Int64"),
        "label": ["benign", "malignant", "malignant", "benign", "benign", "benign", "malignant", "benign", "malignant"],
        "abnormality": ["mass", "calc", "mass", "calc", "mass", "calc", "mass", "calc", "mass"],
        "split": ["test"] * 9,
    }
)


def test_the_real_reader_has_the_known_figures(samples):
    lesions = read_cases(find_case_files(samples / "nbia", samples / "csv")).lesions
    summary = reader_summary(images_of(lesions), lesions)
    assert summary["part"] == "test"
    expected = {
        "image": (0.770, 645, 264),
        "lesion": (0.790, 704, 276),
        "mass": (0.832, 378, 147),
        "calc": (0.745, 326, 129),
    }
    for name, (expected_auc, n, positives) in expected.items():
        measured = summary[name]
        assert (round(measured["auc"], 3), measured["n"], measured["positives"], measured["left_out"]) == (
            expected_auc,
            n,
            positives,
            0,
        )
        low, high = measured["interval"]
        assert expected_auc - 0.1 < low < expected_auc < high < expected_auc + 0.1


def test_0_ranks_between_3_and_4():
    assert sorted(SCORES, key=SCORES.__getitem__) == [1, 2, 3, 0, 4, 5, 6]
    assessments = pd.Series([0, 5, None, 9, "x", 3.0], dtype=object)
    np.testing.assert_array_equal(reader_scores(assessments), [3.5, 5, np.nan, np.nan, np.nan, 3])


def test_an_image_takes_the_highest_assessment_of_its_lesions(samples):
    lesions = read_cases(find_case_files(samples / "nbia", samples / "csv")).lesions
    highest = lesions.assign(score=reader_scores(lesions["birads"])).groupby("image")["score"].max()
    images = images_of(lesions).set_index("image")
    np.testing.assert_array_equal(reader_scores(images["birads"]), highest[images.index])
    assert (images["birads"] == 0).any()


def test_the_summary_agrees_with_scikit_learn_and_with_counts_by_hand():
    summary = reader_summary(TABLE, TABLE)
    assessed = TABLE.dropna()
    expected_auc = roc_auc_score(assessed["label"] == "malignant", assessed["birads"].astype(float).replace(0, 3.5))
    by_image = summary["image"]
    assert by_image["auc"] == pytest.approx(expected_auc)
    assert (by_image["n"], by_image["positives"], by_image["patients"], by_image["left_out"]) == (8, 4, 7, 1)
    with_zero, without = by_image["operating"]
    assert (with_zero["birads"], without["birads"]) == ("≥ 4 or 0", "≥ 4")
    assert with_zero["sensitivity"]["value"] == 1 and with_zero["specificity"]["value"] == 2 / 4
    assert without["sensitivity"]["value"] == 3 / 4 and without["specificity"]["value"] == 3 / 4
    assert by_image["sensitivity"] == with_zero["sensitivity"] and by_image["specificity"] == with_zero["specificity"]
    copies = [TABLE.assign(image=TABLE["image"] + str(n), patient=TABLE["patient"] + str(n)) for n in range(5)]
    many = pd.concat(copies, ignore_index=True)
    low, high = reader_summary(many, many)["image"]["operating"][1]["sensitivity"]["interval"]
    assert 0 < low < 0.75 < high < 1
    assert [point["birads"] for point in by_image["points"]] == ["≥ 5", "≥ 4", "≥ 4 or 0", "≥ 3 or 0", "≥ 2 or 0"]
    assert [point["sensitivity"] for point in by_image["points"]] == [0.5, 0.75, 1, 1, 1]
    assert [point["specificity"] for point in by_image["points"]] == [1, 0.75, 0.5, 0.25, 0]
    assert (summary["mass"]["n"], summary["calc"]["n"], summary["calc"]["left_out"]) == (5, 3, 1)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_birads_0_counts_by_the_chosen_rule():
    assessed = TABLE.dropna()
    malignant = assessed["label"] == "malignant"
    scores = assessed["birads"].astype(float)
    summary = reader_summary(TABLE, TABLE, zero="benign")["image"]
    assert summary["auc"] == pytest.approx(roc_auc_score(malignant, scores))
    assert [point["birads"] for point in summary["operating"]] == ["≥ 4", "≥ 4 or 0"]
    assert summary["sensitivity"]["value"] == 3 / 4 and summary["specificity"]["value"] == 3 / 4
    assert [point["birads"] for point in summary["points"]] == ["≥ 5", "≥ 4", "≥ 3", "≥ 2", "≥ 1 or 0"]
    summary = reader_summary(TABLE, TABLE, zero="none")["image"]
    assert summary["auc"] == pytest.approx(roc_auc_score(malignant[scores > 0], scores[scores > 0]))
    assert (summary["n"], summary["left_out"]) == (6, 3)
    assert summary["sensitivity"]["value"] == 1 and summary["specificity"]["value"] == 2 / 3
    with pytest.raises(MammoError, match="no way to count BI-RADS 0 'half'; choose one of: benign, none, recall"):
        reader_summary(TABLE, TABLE, zero="half")
    assert list(is_birads_zero([3.5, 4, 0.5, np.nan, 1])) == [True, False, True, False, False]


BIRADS_LABEL = {"columns": {"label": "breast_birads", "birads": "breast_birads"}}


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (BIRADS_LABEL, "the column 'breast_birads', which holds the BI-RADS assessments"),
        ({"columns": {"label": "assessment", "birads": "assessment"}}, "the column 'assessment', which holds"),
        ({"columns": {"label": "Breast BI-RADS", "birads": "finding"}}, "the column 'Breast BI-RADS', which names"),
        ({"columns": {"label": "dx", "birads": "b"}, "labels_from_birads": True}, "the column 'dx', which holds"),
        (
            {"columns": {"label": "outcome", "birads": "b"}, "classes": {"positive": "BIRADS 4 or BIRADS 5"}},
            r"BI-RADS assessments \(BIRADS 4 or BIRADS 5\)",
        ),
    ],
)
def test_labels_made_from_birads_have_no_reader(about, words):
    summary = reader_summary(TABLE, TABLE, about)
    assert summary["circular"] is True and re.search(words, summary["reason"]) and "image" not in summary
    assert reader_summary(TABLE.assign(birads=None), TABLE, about)["circular"] is True


def test_labels_of_their_own_have_a_reader():
    for about in ({}, {"columns": {"label": "pathology", "birads": "assessment"}}, {"classes": {"positive": "dense"}}):
        summary = reader_summary(TABLE, TABLE, about)
        assert summary["circular"] is summary["may_be_circular"] is False
        assert summary["reason"] == "" and summary["image"]["auc"] is not None


def agreeing(patients):
    scores = np.arange(patients) % 4 + 2
    labels = np.where(scores >= 4, "malignant", "benign")
    return pd.DataFrame(
        {
            "image": [f"i{number}" for number in range(patients)],
            "patient": [f"p{number}" for number in range(patients)],
            "birads": pd.array(scores, dtype="Int64"),
            "label": labels,
            "abnormality": "mass",
        }
    )


def test_labels_that_agree_with_birads_in_enough_patients_may_be_made_from_it():
    summary = reader_summary(agreeing(20), agreeing(20))
    assert summary["may_be_circular"] is True and summary["circular"] is False
    assert "may be made from BI-RADS" in summary["reason"] and summary["image"]["auc"] == 1
    few = agreeing(19)
    twice = pd.concat([few, few.assign(image=few["image"] + "b")])
    assert reader_summary(twice, twice)["may_be_circular"] is False
    one_differs = agreeing(20)
    one_differs.loc[0, "label"] = "malignant"
    assert reader_summary(one_differs, one_differs)["may_be_circular"] is False


def test_runs_whose_labels_are_made_from_birads_have_no_reader(demo_home):
    run = StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])
    assert circularity_of([run]) is None and reader_of([run], "test") is not None
    about = {**run.sweep.about, "dataset": {**run.sweep.about["dataset"], **BIRADS_LABEL}}
    circular = StoredRun(type(run.sweep)(**{**vars(run.sweep), "about": about}), 0)
    assert circularity_of([circular]).certain and reader_of([circular], "test") is None
    images = run.sweep.images.assign(label=np.where(run.sweep.images["birads"] >= 4, "malignant", "benign"))
    agreeing_run = StoredRun(type(run.sweep)(**{**vars(run.sweep), "images": images}), 0)
    assert not circularity_of([agreeing_run]).certain and reader_of([agreeing_run], "test") is not None


def test_without_an_official_test_set_all_images_count():
    for table in (TABLE.drop(columns="split"), TABLE.assign(split=None), TABLE.assign(split="train")):
        summary = reader_summary(table, table)
        assert (summary["part"], summary["image"]["n"]) == ("all", 8)
    crops = TABLE.assign(split=["test"] * 4 + ["train"] * 5)
    summary = reader_summary(crops.iloc[:0], crops)
    assert (summary["part"], summary["image"]["n"], summary["lesion"]["n"]) == ("test", 0, 4)
    half = TABLE.assign(split=["test"] * 4 + ["train"] * 5)
    assert reader_summary(half, half)["image"]["n"] == 4


def test_one_class_alone_has_no_auc():
    benign = TABLE[TABLE["label"] == "benign"]
    summary = reader_summary(benign, benign)["image"]
    assert summary["auc"] is None and summary["interval"] == [None, None] and summary["sensitivity"] is None
    assert summary["specificity"]["value"] == 2 / 4
    nothing = reader_summary(TABLE, TABLE[:0])["lesion"]
    assert nothing["auc"] is None and nothing["n"] == 0


@pytest.mark.parametrize("table", [TABLE.drop(columns="birads"), TABLE.assign(birads=None)], ids=["no column", "empty"])
def test_a_table_without_assessments_is_refused(table):
    assert scored_by_reader(table) is None
    with pytest.raises(MammoError, match="No BI-RADS assessment is known of these official test images"):
        reader_summary(table, table)


def test_the_words_of_a_threshold_include_0_where_it_is_called():
    assert [threshold_words(score) for score in (6, 5, 4, 3.5, 3, 1)] == [
        "≥ 6",
        "≥ 5",
        "≥ 4",
        "≥ 4 or 0",
        "≥ 3 or 0",
        "≥ 1 or 0",
    ]


def test_the_reader_of_runs_is_scored_on_their_images(demo_home):
    runs = [StoredRun.open(demo_home, run) for run in leaderboard(demo_home)["run"][:2]]
    images = Dataset.open(demo_home, "phantom-demo").images.set_index("image")
    for part in ("train", "validation", "test"):
        scored, reader = runs[0].scored(part), reader_of(runs, part)
        own = images.loc[runs[0].images(part)["image"]]
        assert reader.left_out == own["birads"].isna().sum() == 0
        np.testing.assert_array_equal(reader.labels, scored.labels)
        np.testing.assert_array_equal(reader.patients, scored.patients)
        np.testing.assert_array_equal(reader.logits, reader_scores(own["birads"]))
        assert 0.5 < reader.value(auc) <= 1


def test_the_reader_of_runs_on_different_images_is_scored_on_all_of_them(demo_home):
    runs = [StoredRun.open(demo_home, run) for run in leaderboard(demo_home)["run"][:2]]
    rolled = StoredRun(
        type(runs[1].sweep)(**{**vars(runs[1].sweep), "parts": np.roll(runs[1].sweep.parts, 7, axis=1)}), 0
    )
    both = set(runs[0].images("test")["image"]) | set(rolled.images("test")["image"])
    assert len(both) > len(runs[0].images("test"))
    reader = reader_of([runs[0], rolled], "test")
    assert np.size(reader.labels) == len(both)
    assert "on the images of all runs" in reader.name and "all runs" not in reader_of(runs, "test").name


def test_runs_of_different_data_sets_have_no_common_reader(demo_home):
    run = StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])
    about = {**run.sweep.about, "dataset": {**run.sweep.about["dataset"], "name": "elsewhere"}}
    elsewhere = StoredRun(type(run.sweep)(**{**vars(run.sweep), "about": about}), 0)
    assert reader_of([run, elsewhere], "test") is None
    assert reader_of([], "test") is None
    blind = type(run.sweep)(**{**vars(run.sweep), "images": run.sweep.images.assign(birads=None)})
    assert reader_of([StoredRun(blind, 0)], "test") is None
