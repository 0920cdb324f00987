"""The report's tables as they are printed, and their features and heads."""

import pytest

from mammo.errors import MammoError
from mammo.results.report.stated import (
    BOLD,
    FIVE_SPLITS,
    ROWS,
    TITLES,
    TRUNK_SETS,
    VALIDATED,
    ReportSpec,
    left_open,
)
from mammo.specs import CacheSpec, HeadSpec

SPEC = ReportSpec("phantom-demo", "mini")


def test_both_tables_are_complete():
    assert [(row.table, row.row) for row in ROWS] == [(1, n) for n in range(1, 10)] + [(2, n) for n in range(1, 7)]
    assert [row for row in ROWS if row.auc is None or row.accuracy is None] == [ROWS[0]]
    assert set(FIVE_SPLITS) < set(TITLES)


@pytest.mark.parametrize("table", TITLES)
def test_the_bold_row_is_the_one_of_the_highest_validation_auc(table):
    best = max((row for row in ROWS if row.table == table), key=lambda row: row.auc or 0)
    assert best.row == BOLD[table]


def test_every_accuracy_is_a_share_of_the_validation_images():
    for row in ROWS[1:]:
        assert row.accuracy == pytest.approx(round(row.accuracy * VALIDATED) / VALIDATED, abs=5.1e-5)


def test_settings_become_features_and_heads():
    row = next(row for row in ROWS if (row.table, row.row) == (2, 2))
    assert SPEC.cache(row, "float32") == CacheSpec(
        "phantom-demo", "resnet50-mini", "synthetic", "last-layer", preprocess="enhanced", precision="float32"
    )
    assert SPEC.head(row) == HeadSpec(
        "flatten", 128, optimizer="nadam", lr=1e-4, epochs=30, finetune="last-layer", tail_lr=1e-4
    )
    augmented, letterboxed = ROWS[7], ROWS[8]
    assert (SPEC.cache(augmented, "float32").augment, SPEC.cache(augmented, "float32").draws) == ("generator", 10)
    assert SPEC.cache(letterboxed, "float32").resize == "letterbox"
    assert SPEC.head(letterboxed) == SPEC.head(augmented) == SPEC.head(ROWS[4])
    assert SPEC.plain(augmented) == ROWS[4]


def test_no_two_rows_have_the_same_features_and_head():
    assert len({(SPEC.cache(row, "float32"), SPEC.head(row)) for row in ROWS}) == len(ROWS)


def test_an_augmented_row_is_also_trained_on_fewer_draws():
    assert [head.first_draws for head in SPEC.heads(ROWS[7])] == [0, 8, 4, 2, 1]
    assert SPEC.heads(ROWS[0]) == (SPEC.head(ROWS[0]),)


@pytest.mark.parametrize("name", TRUNK_SETS)
def test_a_set_has_a_trunk_for_each_table(name):
    spec = ReportSpec("mine", name)
    assert spec.weights == (TRUNK_SETS[name].weights,) * 2
    assert ReportSpec.from_json(spec.to_json()) == spec


def test_the_open_settings_are_listed_with_our_choices():
    choices = {topic: here for topic, _, here in left_open(ReportSpec("mine", epochs=77, draws=13), 1234)}
    assert "77" in choices["Epochs"] and "13" in choices["Data generator"] and "1,234" in choices["Images"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trunks": "maxi"}, "no set of trunks 'maxi'"),
        ({"weights": ("imagenet",)}, "both trunks"),
        ({"splits": 0}, "splits must be between 1 and 50"),
        ({"draws": 0}, "draws must be between 1 and 1000"),
    ],
)
def test_values_out_of_range_are_refused(fields, message):
    with pytest.raises(MammoError, match=message):
        ReportSpec("mine", **fields)
