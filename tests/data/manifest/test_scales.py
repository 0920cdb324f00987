"""BI-RADS and density as people write them, each word with the answer that a reader would give."""

import pytest

from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.words.scales import BIRADS, DENSITY, is_tissue

ASSESSMENTS = {
    0: ["0", "0.0", "BI-RADS 0", "incomplete", "Needs additional imaging"],
    1: ["1", "Negative", "birads_1", "BI-RADS I", "Category 1: negative"],
    2: ["2.0", "BI-RADS 2: benign", "２", "benign finding", "bi-rads ii"],
    3: ["3", "probably benign", "BI-RADS III", "ACR 3", "03"],
    4: [
        *("4", "4.0", "4,0", "4.", "4A", "4b", "4 a", "4-a", "4_c", "4.b", "IV", "iva", "IV B", "[4]", "(4C)"),
        *("birads_4", "BIRADS4", "BI-RADS: 4", "BI-RADS-4", "bi-rads_4", "BI RADS 4", "BI-RADS®4", "Bi-Rads=4"),
        *("BI-RADS Category 4", "Category IV", "Cat. 4", "category_4", "BI-RADS 4B", "BIRADS_4.0", "birads4a", "ACR4"),
        *("Assessment: 4", "BI-RADS Score 4", "grade 4", "4 - suspicious", "BI-RADS 4 (Suspicious abnormality)"),
        *("suspicious", "ACR BI-RADS 4", "Final assessment category 4", "BI\u2011RADS 4", "bi-rads\u00a04"),
    ],
    5: ["5", "BI-RADS V", "highly suggestive of malignancy", "birads-5"],
    6: ["6", "known biopsy-proven malignancy", "BI-RADS VI"],
}
NO_ASSESSMENT = [
    *("7", "9", "10", "40", "-1", "-4", "3A", "4D", "4.5", "2,3", "4/5", "4-5", "3 or 4", "0-2", "4+", "<4", "VII"),
    *("R4", "M4", "B4", "A", "four", "4 mm", "4 (benign)", "BI-RADS", "category", "4AB", "nan", "?", "dense", "p4"),
]
DENSITIES = {
    1: ["1", "a", "A", "BI-RADS A", "almost entirely fatty", "Type A", "ACR 1", "ACR I"],
    2: ["2.0", "B", "scattered fibroglandular densities", "There are scattered areas of fibroglandular density."],
    3: [
        *("3", "3.0", "3,0", "c", "C", "c.", "(C)", "III", "ACR-C", "ACR C", "ACR_c", "ACRC", "ACR 3", "ACR III"),
        *("Type C", "Typ C", "Level C", "Category C", "cat. 3", "Grade 3", "density_c", "DENSITY C", "density: 3"),
        *(
            "ACR BI-RADS C",
            "BI-RADS density C",
            "breast density 3",
            "Breast Composition: C",
            "C - heterogeneously dense",
        ),
        *("heterogeneously dense", "Heterogeneously dense (C)", "The breasts are heterogeneously dense", "density3"),
    ],
    4: ["4", "D", "d", "iv", "extremely dense", "ACR d", "The breasts are extremely dense."],
}
NO_DENSITY = [
    *("0", "5", "7", "-1", "E", "F", "G", "dense", "glandular", "c/d", "b-c", "2-3", "2 3", "3.5", "35%", "<25%", "25"),
    *("B2", "N1", "P2", "DY", "C+", "density", "ACR", "V", "none", "nan"),
]


@pytest.mark.parametrize(
    ("scale", "word", "value"),
    [
        *((BIRADS, word, value) for value, words in ASSESSMENTS.items() for word in words),
        *((DENSITY, word, value) for value, words in DENSITIES.items() for word in words),
        *((BIRADS, word, None) for word in NO_ASSESSMENT),
        *((DENSITY, word, None) for word in NO_DENSITY),
    ],
)
def test_a_word_means_what_a_reader_takes_it_for_or_nothing(scale, word, value):
    assert scale.read(word) == value


@pytest.mark.parametrize(("name", "words"), [("birads", ASSESSMENTS), ("density", DENSITIES)])
def test_a_manifest_reads_every_word_of_a_scale(write, name, words):
    cells = [(word, value) for value, several in words.items() for word in several]
    lines = [f'{number}.png,B,"{word}"' for number, (word, _) in enumerate(cells)]
    manifest = read_manifest(write(f"path,label,{name}", *lines))
    assert manifest.rows[name].tolist() == [value for _, value in cells]
    assert manifest.missing == {}


@pytest.mark.parametrize(
    ("counts", "tissue"),
    [
        ({"F": 3, "G": 2, "D": 4}, True),
        ({"Fatty": 3, "Fatty-glandular": 2, "Dense": 4}, True),
        ({"A": 3, "B": 3, "C": 3, "D": 9}, False),
        ({"A": 3, "B": 3, "D": 9, "F": 1}, False),
        ({"D": 5}, False),
        ({"fatty": 2, "scattered": 1, "extremely dense": 1}, False),
        ({"F": 4, "G": 4, "D": 4, "B": 1}, True),
    ],
)
def test_fatty_glandular_dense_is_a_scale_of_its_own(counts, tissue):
    assert is_tissue(counts) == tissue


def test_dense_by_the_scale_of_mias_is_no_birads_density(write):
    lines = [f"{number}.png,B,{cell}" for number, cell in enumerate(["F", "G", "D", "X", "D", ""])]
    manifest = read_manifest(write("path,label,density", *lines))
    assert manifest.rows["density"].isna().all()
    assert manifest.rows["tissue"].tolist() == ["F", "G", "D", "", "D", ""] and manifest.extra == ["tissue"]
    assert manifest.missing == {"tissue": 2}
    assert any("not BI-RADS density: it is kept as the subgroup tissue" in note for note in manifest.remarks)
