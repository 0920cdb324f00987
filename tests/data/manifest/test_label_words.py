"""Labels have three answers: malignant, benign, and not known."""

import pytest

from mammo.data.manifest.cells.label_words import BENIGN, CODES, MALIGNANT, NOT_KNOWN
from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.manifest.words.words import MISSING
from mammo.errors import MammoError


def read(write, labels, column="label", **options):
    """Read a manifest with one row a label, and as many plain rows that keep the share of errors below half."""
    plain = [] if options.pop("alone", False) else ["benign"] * len(labels)
    lines = [f'{number}.png,"{label}"' for number, label in enumerate([*labels, *plain])]
    words_by_option = {name: tuple(words) for name, words in options.items()}
    manifest = read_manifest(
        write(f"path,{column}", *lines), {"label": column}, options=ManifestOptions(**words_by_option)
    )
    return manifest, dict(zip(manifest.rows["path"], manifest.rows["label"], strict=True))


@pytest.mark.parametrize("word", sorted({word for word in MISSING | NOT_KNOWN if '"' not in word}))
@pytest.mark.parametrize("positive", [(), ("DCIS",)])
def test_words_that_say_not_known_are_never_benign(write, word, positive):
    manifest, labels = read(write, [word.upper(), "DCIS"], positive=positive)
    assert "0.png" not in labels
    assert manifest.quarantined[0] == ["0.png", f"row 2: the label {word.upper()!r} says that it is not known"]


def test_biopsy_results_give_three_answers(write):
    words = ["BENIGN", "MALIGNANT", "DCIS", "NOT AVAILABLE", "NAN"]
    manifest, labels = read(write, words, "biopsy_result", positive=["MALIGNANT", "DCIS"])
    assert [labels.get(f"{number}.png") for number in range(5)] == ["benign", "malignant", "malignant", None, None]
    assert manifest.notes[0] == (
        "Labels in the column biopsy_result, with how often each stands: DCIS (1), MALIGNANT (1) count as malignant; "
        "benign (5), BENIGN (1) count as benign; NAN (1), NOT AVAILABLE (1) are set aside."
    )
    assert manifest.classes is None


def test_left_over_words_are_benign_under_positive_alone_and_set_aside_under_negative(write):
    words = ["invasive", "cyst", "adenosis"]
    _, labels = read(write, words, positive=["invasive"])
    assert [labels[f"{number}.png"] for number in range(3)] == ["malignant", "benign", "benign"]
    manifest, labels = read(write, words, positive=["invasive"], negative=["cyst", "benign"])
    assert [labels.get(f"{number}.png") for number in range(3)] == ["malignant", "benign", None]
    assert "'adenosis' does not say whether it is malignant (name it with" in manifest.quarantined[0][1]
    _, labels = read(write, ["cancer", "cyst", "odd"], negative=["cyst"])
    assert [labels.get(f"{number}.png") for number in range(3)] == ["malignant", "benign", None]


def test_rows_that_a_user_drops_are_left_out_and_make_no_error(write):
    words = ["cyst"] * 9 + ["M", "B"]
    manifest, labels = read(write, words, drop=["CYST"], alone=True)
    assert labels == {"9.png": "malignant", "10.png": "benign"}
    assert len(manifest.quarantined) == 9
    assert manifest.quarantined[0] == ["0.png", "row 2: the label 'cyst' is left out, as --drop asks"]


def test_a_malignant_word_that_is_left_over_stays_malignant(write):
    _, labels = read(write, ["DCIS", "Malignant", "M", "B", "BENIGN_WITHOUT_CALLBACK"], positive=["DCIS"])
    assert [labels[f"{number}.png"] for number in range(5)] == ["malignant"] * 3 + ["benign"] * 2
    manifest, _ = read(write, ["DCIS", "BENIGN_WITHOUT_CALLBACK"], positive=["DCIS"])
    assert manifest.rows["pathology"][1] == "BENIGN_WITHOUT_CALLBACK"


def test_codes_are_no_malignancy_where_a_user_names_others(write):
    _, labels = read(write, ["0", "1", "2", "3.0"], "grade", positive=["2", "3"])
    assert [labels[f"{number}.png"] for number in range(4)] == ["benign", "benign", "malignant", "malignant"]
    _, labels = read(write, ["0", "1"], "healthy", positive=["0"])
    assert [labels[f"{number}.png"] for number in range(2)] == ["malignant", "benign"]


@pytest.mark.parametrize(
    ("word", "user_word"), [("In Situ", "in situ"), ("in_situ", "In-Situ"), ("1.0", "1"), ("BI-RADS 4B", "bi-rads 4*")]
)
def test_words_are_named_in_any_spelling(write, word, user_word):
    _, labels = read(write, [word], positive=[user_word])
    assert labels["0.png"] == "malignant"


def test_a_spelling_that_is_there_outranks_another_case(write):
    _, labels = read(write, ["m", "M"], positive=["M"], negative=["m", "benign"])
    assert [labels[f"{number}.png"] for number in range(2)] == ["benign", "malignant"]
    with pytest.raises(MammoError, match="The label 'Cyst' is named twice: as BENIGN and as drop"):
        read(write, ["Cyst"], negative=["cyst"], drop=["CYST"])
    with pytest.raises(MammoError, match="has the label 'in situ'; its labels are: benign, cyst"):
        read(write, ["cyst"], positive=["in situ"])


def test_plain_words_need_no_flag(write):
    words = {"malignant": MALIGNANT | CODES["MALIGNANT"], "benign": BENIGN | CODES["BENIGN"]}
    for answer, several in words.items():
        _, labels = read(write, [word.title() for word in sorted(several)])
        assert [labels[f"{number}.png"] for number in range(len(several))] == [answer] * len(several)


def test_a_word_that_is_not_known_and_named_negative_counts_as_asked_and_is_reported(write):
    manifest, labels = read(write, ["M", "no biopsy"], positive=["M"], negative=["no biopsy", "benign"])
    assert labels["1.png"] == "benign"
    assert "'no biopsy' says that nothing is known and counts as benign, as asked." in manifest.notes


@pytest.mark.parametrize(
    ("column", "labels", "options", "classes"),
    [
        ("tissue type", ["dense", "fatty", "mixed"], {"positive": ["dense"]}, ("dense", "other")),
        ("finding", ["abnormal"], {"positive": ["abnormal"]}, ("abnormal", "benign")),
        (
            "finding",
            ["implant", "no implant"],
            {"positive": ["implant"], "negative": ["no implant", "benign"]},
            ("implant", "no implant or benign"),
        ),
        ("density", ["3", "4", "1", "2"], {"positive": ["3", "4"]}, ("density 3 or 4", "other")),
        ("label", ["1", "2"], {"positive": ["1"]}, None),
        ("label", ["invasive", "cyst"], {"positive": ["invasive"]}, None),
        ("grade", ["Invasive carcinoma", "cyst"], {"positive": ["Invasive carcinoma"]}, None),
    ],
)
def test_classes_that_are_not_malignancy_keep_their_own_names(write, column, labels, options, classes):
    manifest, _ = read(write, labels, column, **options)
    assert manifest.classes == (classes and {"positive": classes[0], "negative": classes[1]})
    assert any(f"count as {classes[0] if classes else 'malignant'}" in note for note in manifest.notes)


def test_a_benign_image_whose_other_finding_is_not_known_is_named(write):
    manifest = read_manifest(write("path,label", "a.png,B", "a.png,Unknown", "b.png,M"))
    assert manifest.rows["label"].tolist() == ["benign", "malignant"]
    assert any("label of another row is not known: a.png" in note for note in manifest.remarks)
    assert (
        "1 image counts as benign by some of its rows, while the label of another row is not known." in manifest.notes
    )


@pytest.mark.parametrize("word", ["-1", "-1.0", "- 9", "−99", "-999"])
@pytest.mark.parametrize("positive", [(), ("1",)])
def test_a_number_below_zero_is_no_label(write, word, positive):
    manifest, labels = read(write, ["1", "0", word, "1", "0", "0"], positive=positive, alone=True)
    assert [labels.get(f"{number}.png") for number in range(4)] == ["malignant", "benign", None, "malignant"]
    assert manifest.quarantined[0] == ["2.png", f"row 4: the label {word!r} says that it is not known"]


@pytest.mark.parametrize("codes", ["0 1 2", "1 2", "1 2 3 4 5", "1.0 2.0"])
def test_where_other_numbers_stand_1_is_no_malignancy_by_itself(write, codes):
    with pytest.raises(MammoError, match="does not say whether it is malignant"):
        read(write, codes.split() * 5, alone=True)


@pytest.mark.parametrize("count", [3, 40])
def test_a_slip_among_codes_costs_its_row_alone(write, count):
    labels = read(write, ["0", "1"] * count + ["2"], alone=True)[1]
    assert len(labels) == 2 * count and sum(label == "malignant" for label in labels.values()) == count


@pytest.mark.parametrize(
    ("header", "labels", "columns", "positive"),
    [
        ("diagnosis,birads", ["4A", "5", "2", "1"], {}, ("4*", "5")),
        ("diagnosis,birads", ["birads_4", "BI-RADS 5", "2.0", "I"], {}, ("birads 4", "BI-RADS 5")),
        (
            "diagnosis,birads",
            ["suspicious", "highly suggestive", "benign", "negative"],
            {},
            ("*suggest*",),
        ),
        ("words,cat", ["4", "5", "2", "1"], {"label": "{cat}", "birads": "cat"}, ("4", "5")),
        ("words,cat", ["4", "5", "2", "1"], {"label": "{words|cat}", "birads": "{cat}"}, ("4", "5")),
    ],
)
def test_labels_that_are_the_readers_own_assessments_are_known(write, header, labels, columns, positive):
    lines = [f"{number}.png,{label},{value}" for number, (label, value) in enumerate(zip(labels, "4521", strict=True))]
    manifest = read_manifest(write(f"path,{header}", *lines), options=ManifestOptions(columns, positive))
    assert manifest.labels_from_birads


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (["malignant", "malignant", "benign", "normal"], "4521"),
        (["1", "1", "0", "0"], "4521"),
        (["benign", "benign", "benign", "benign"], "2222"),
        (["malignant", "benign", "benign", "normal"], ["", "2", "", ""]),
    ],
)
def test_labels_that_only_go_with_the_assessments_are_not(write, labels, values):
    lines = [f"{number}.png,{label},{value}" for number, (label, value) in enumerate(zip(labels, values, strict=True))]
    assert not read_manifest(write("path,label,birads", *lines)).labels_from_birads
