"""The report as files: the same figures in each, and nothing that others would have to fetch."""

import csv
import dataclasses
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mammo.paper import open_paper
from mammo.results.report.comparison import to_json
from mammo.results.report.export import (
    FORMS,
    comma_separated,
    heading,
    latex,
    markdown,
    whole_html,
    write_report,
)
from mammo.results.report.inflation import Effect
from mammo.results.report.tables import rows_table, splits_table, tables
from mammo.statistics.cross_validated import CrossValidatedAuc
from mammo.statistics.few import lack_of
from tests.conftest import PAPER


@pytest.fixture(scope="module")
def report(paper_home):
    return open_paper(paper_home, PAPER).report()


@pytest.fixture(scope="module")
def page(report):
    return whole_html(report)


def test_tables_are_rectangular(report):
    for table in tables(report):
        assert sum(width for _, width in table.groups) == len(table.header)
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_a_row_tells_reported_and_ours(report):
    table = rows_table(report, 1)
    row = dict(zip(table.names, table.rows[4], strict=True))
    one = report.rows[4]
    assert (row["The report: Accuracy"].value, row["The report: AUC"].value) == ("0.7270", "0.8016")
    assert row["The report: AUC"].bold and row["Learning rate"].value == "1e-5"
    ours = row["Ours, split as the report did (n\u00a0=\u00a014): AUC"]
    low, high = one.ours.auc_interval
    assert (ours.value, ours.detail) == (f"{one.ours.auc:.3f}", f"{low:.2f}–{high:.2f}")
    assert sum(row[0].bold for row in table.rows) == 1
    assert any("14 validation images" in note and "in train" in note for note in rows_table(report, 2).notes)


def test_means_over_splits_are_told_of_the_best_rows_beside_the_reports(report):
    rows = splits_table(report).rows
    said = [row for row in rows if row[-1].value == "0.737"]
    assert len(said) == 1 and said[0][-2].value == "0.686" and said[0][0].value.startswith("VGG16, row 5")
    mean = report.rows[4].outcomes["paper"].spread["test"]["auc"]
    assert said[0][4].text == f"{mean.mean:.3f} ± {mean.sd:.3f}"
    assert len({row[0].value for row in rows}) in (2, 3, 4) and len(rows) % 3 == 0


def test_markdown_has_a_cell_for_every_column(report):
    lines = [line for line in markdown(report).splitlines() if line.startswith("|")]
    widths = [len(re.split(r"(?<!\\)\|", line)) for line in lines]
    expected = [len(table.header) + 2 for table in tables(report) for _ in range(len(table.rows) + 2)]
    assert widths == expected


def test_csv_holds_all_that_json_does(report):
    rows = list(csv.DictReader(io.StringIO(comma_separated(report))))
    told = to_json(report)
    assert len(rows) == 15
    for row, one in zip(rows, told, strict=True):
        assert float(row["ours.auc"]) == one["ours"]["auc"]
        patient = one["protocols"]["patient"]["test"]
        assert float(row["protocols.patient.test.draws.auc.mean"]) == patient["draws"]["auc"]["mean"]
        assert row["reported.auc"] == ("" if one["reported"]["auc"] is None else str(one["reported"]["auc"]))


def test_latex_has_a_cell_for_every_column(report):
    text = latex(report)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 4
    for table, body in zip(tables(report), text.split(r"\begin{table}")[1:], strict=True):
        lines = re.search(r"\\midrule\n(.*)\\bottomrule", body, re.DOTALL).group(1).splitlines()
        assert [len(re.split(r"(?<!\\)&", line)) for line in lines] == [len(table.header)] * len(table.rows)
        assert all(line.endswith(r"\\") for line in lines)
        bare = re.sub(r"\\[a-zA-Z]+|\\[%_$#&{}]", "", body)
        assert bare.count("{") == bare.count("}")
        assert not re.search(r"[_%#±≈★–“ε]", bare.replace("%\n", "\n"))


class Sources(HTMLParser):
    """Collects what a page would fetch, its script blocks and its tables."""

    def __init__(self):
        super().__init__()
        self.fetched, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset")]


def test_the_html_file_needs_nothing_beside_it(page):
    seen = Sources()
    seen.feed(page)
    assert not seen.fetched and "link" not in seen.tags
    assert seen.tags.count("table") == 4
    assert page.count("plotly.js v") == 1
    assert len(re.findall(r"Plotly\.newPlot\(", page)) == 7
    assert "Synthetic data; mini trunks trained on synthetic data stand in" in page


def test_names_are_shown_as_they_are(report):
    odd = dataclasses.replace(report, note="<b>5 % & more_|</b>")
    assert "<b>5 %" not in whole_html(odd) and "&lt;b&gt;5 % &amp; more_|" in whole_html(odd)
    assert r"\<b\>5 % & more\_\|" in markdown(odd)


def test_what_was_not_run_is_a_dash(report):
    bare = dataclasses.replace(
        report,
        rows=tuple(dataclasses.replace(one, outcomes={}, inflation={}, best=False, tied=False) for one in report.rows),
        enough={},
    )
    table = rows_table(bare, 2)
    assert [cell.value for cell in table.rows[0][-3:]] == ["–"] * 3
    for form in FORMS.values():
        assert "0.8269" in form.write(bare)
    assert splits_table(bare).rows == ()


def test_a_folder_gets_every_form(report, tmp_path):
    paths = write_report(report, tmp_path / "new")
    assert sorted(path.name for path in paths) == ["report.csv", "report.html", "report.md", "report.tex"]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_a_row_that_was_trained_on_five_folds_tells_its_cross_validated_auc(report):
    first, *others = report.rows
    crossed = replace(report, rows=(replace(first, cross=CrossValidatedAuc(0.7123, (0.6, 0.8))), *others))
    told = tables(crossed)[0]
    assert told.header[-1] == "mean of the folds" and sum(width for _, width in told.groups) == len(told.header)
    assert told.rows[0][-1].text == "0.712 (0.60–0.80)" and told.rows[1][-1].text == "–"
    row, other, *_ = to_json(crossed)
    assert (row["cv_auc"], row["cv_auc_interval"], row["cv_reason"]) == (0.7123, [0.6, 0.8], None)
    assert (other["cv_auc"], other["cv_reason"]) == (None, "not trained on five folds")


def test_inflation_of_too_few_patients_is_no_finding(report):
    first, *others = report.rows
    effect = Effect(0.21, np.nan, np.nan, lack_of({"malignant patients": 2}))
    few = replace(report, rows=(replace(first, inflation={"validation": effect}), *others))
    told = tables(few)
    assert told[0].rows[0][told[0].header.index("of AUC")].text == "–"
    said = "Inflation on validation is not told, for it has no interval: 2 malignant patients, 3 are needed."
    assert said in [note for table in told for note in table.notes]
    assert to_json(few)[0]["inflation"]["validation"]["reason"] == effect.reason


def test_the_weights_of_each_trunk_are_named_apart(report):
    mixed = replace(report, spec=replace(report.spec, weights=("file-mine", "random-0")))
    assert [trunk.partition(" ")[2] for trunk in mixed.trunks] == ["(weights: file-mine)", "(weights: random-0)"]
    assert "(weights: file-mine) and " in " ".join(heading(mixed))
