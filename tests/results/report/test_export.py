"""The report as files: the same figures in each form, and nothing to load from elsewhere."""

import csv
import dataclasses
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mammo.paper import open_report_runs
from mammo.results.report.comparison import to_json
from mammo.results.report.export import (
    FORMS,
    csv_text,
    heading,
    html_page,
    latex,
    markdown,
    write_report,
)
from mammo.results.report.inflation import Effect
from mammo.results.report.tables import rows_table, splits_table, tables
from mammo.statistics.cross_validated import CrossValidatedAuc
from mammo.statistics.few import lack_of
from tests.conftest import PAPER


@pytest.fixture(scope="module")
def report(paper_home):
    return open_report_runs(paper_home, PAPER).report()


@pytest.fixture(scope="module")
def page(report):
    return html_page(report)


def test_tables_are_rectangular(report):
    for table in tables(report):
        assert sum(width for _, width in table.groups) == len(table.header)
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_a_row_has_reported_figures_and_ours(report):
    table = rows_table(report, 1)
    row = dict(zip(table.names, table.rows[4], strict=True))
    ours = report.rows[4].ours
    assert (row["The report: Accuracy"].value, row["The report: AUC"].value) == ("0.7270", "0.8016")
    assert row["The report: AUC"].bold and row["Learning rate"].value == "1e-5"
    cell = row["Ours, split as the report did (n\u00a0=\u00a014): AUC"]
    low, high = ours.auc_interval
    assert (cell.value, cell.detail) == (f"{ours.auc:.3f}", f"{low:.2f}–{high:.2f}")
    assert sum(row[0].bold for row in table.rows) == 1
    assert any("14 validation images" in note and "in train" in note for note in rows_table(report, 2).notes)


def test_the_best_rows_have_means_over_splits_and_the_reports_means(report):
    rows = splits_table(report).rows
    (reported,) = (row for row in rows if row[-1].value == "0.737")
    assert reported[-2].value == "0.686" and reported[0].value.startswith("VGG16, row 5")
    mean = report.rows[4].outcomes["paper"].spread["test"]["auc"]
    assert reported[4].text == f"{mean.mean:.3f} ± {mean.sd:.3f}"
    assert len({row[0].value for row in rows}) in (2, 3, 4) and len(rows) % 3 == 0


def test_markdown_has_a_cell_for_every_column(report):
    lines = [line for line in markdown(report).splitlines() if line.startswith("|")]
    widths = [len(re.split(r"(?<!\\)\|", line)) for line in lines]
    expected = [len(table.header) + 2 for table in tables(report) for _ in range(len(table.rows) + 2)]
    assert widths == expected


def test_csv_has_all_values_of_json(report):
    rows = list(csv.DictReader(io.StringIO(csv_text(report))))
    contents = to_json(report)
    assert len(rows) == 15
    for row, content in zip(rows, contents, strict=True):
        assert float(row["ours.auc"]) == content["ours"]["auc"]
        patient = content["protocols"]["patient"]["test"]
        assert float(row["protocols.patient.test.draws.auc.mean"]) == patient["draws"]["auc"]["mean"]
        assert row["reported.auc"] == ("" if content["reported"]["auc"] is None else str(content["reported"]["auc"]))


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
    """Collects the addresses that a page would load, and its tags."""

    def __init__(self):
        super().__init__()
        self.fetched, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset")]


def test_the_html_file_loads_no_further_file(page):
    sources = Sources()
    sources.feed(page)
    assert not sources.fetched and "link" not in sources.tags
    assert sources.tags.count("table") == 4
    assert page.count("plotly.js v") == 1
    assert len(re.findall(r"Plotly\.newPlot\(", page)) == 7
    assert "Synthetic data; mini trunks trained on synthetic data stand in" in page


def test_names_are_escaped(report):
    odd = dataclasses.replace(report, note="<b>5 % & more_|</b>")
    assert "<b>5 %" not in html_page(odd) and "&lt;b&gt;5 % &amp; more_|" in html_page(odd)
    assert r"\<b\>5 % & more\_\|" in markdown(odd)


def test_a_missing_run_is_a_dash(report):
    bare = dataclasses.replace(
        report,
        rows=tuple(dataclasses.replace(row, outcomes={}, inflation={}, best=False, tied=False) for row in report.rows),
        by_draws={},
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


def test_a_row_that_was_trained_on_five_folds_has_a_cross_validated_auc(report):
    first, *following = report.rows
    crossed = replace(report, rows=(replace(first, cross=CrossValidatedAuc(0.7123, (0.6, 0.8))), *following))
    table = tables(crossed)[0]
    assert table.header[-1] == "mean of the folds" and sum(width for _, width in table.groups) == len(table.header)
    assert table.rows[0][-1].text == "0.712 (0.60–0.80)" and table.rows[1][-1].text == "–"
    row, second, *_ = to_json(crossed)
    assert (row["cv_auc"], row["cv_auc_interval"], row["cv_reason"]) == (0.7123, [0.6, 0.8], None)
    assert (second["cv_auc"], second["cv_reason"]) == (None, "not trained on five folds")


def test_inflation_of_too_few_patients_is_no_finding(report):
    first, *following = report.rows
    effect = Effect(0.21, np.nan, np.nan, lack_of({"malignant patients": 2}))
    few = replace(report, rows=(replace(first, inflation={"validation": effect}), *following))
    written = tables(few)
    assert written[0].rows[0][written[0].header.index("of AUC")].text == "–"
    sentence = "Inflation on validation is not told, for it has no interval: 2 malignant patients, 3 are needed."
    assert sentence in [note for table in written for note in table.notes]
    assert to_json(few)[0]["inflation"]["validation"]["reason"] == effect.reason


def test_the_heading_has_the_weights_of_each_trunk(report):
    mixed = replace(report, spec=replace(report.spec, weights=("file-mine", "random-0")))
    assert [trunk.partition(" ")[2] for trunk in mixed.trunks] == ["(weights: file-mine)", "(weights: random-0)"]
    assert "(weights: file-mine) and " in " ".join(heading(mixed))
