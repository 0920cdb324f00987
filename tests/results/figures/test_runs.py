from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mammo.results.figures.palette import DARK, LIGHT, SERIES, style
from mammo.results.figures.runs import (
    _legible,
    auc_accuracy_figure,
    learning_curves,
    live_curves,
    roc_figure,
    score_histogram,
)
from mammo.specs.class_names import ClassNames
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
from mammo.statistics.metrics import accuracy, auc
from mammo.statistics.scored import Scored

LABELS = np.array([0, 0, 0, 1, 1, 1, 0, 1])
PATIENTS = np.array(["a", "a", "b", "b", "c", "d", "e", "f"])
RUNS = [
    Scored("gap · adam", LABELS, np.array([-2.0, 1.0, -1.0, 2.0, 3.0, -0.5, -3.0, 0.5]), PATIENTS),
    Scored("flatten · nadam", LABELS, np.array([2.0, 1.0, -1.0, 2.0, -3.0, 0.5, -3.0, 0.5]), PATIENTS),
]
IMAGES = pd.DataFrame(
    {
        "patient": ["a", "a", "b", "c"],
        "label": ["benign", "malignant", "benign", "malignant"],
        "abnormality": ["mass", "calc", "calc", "mass"],
    }
)
HISTORY = {"gap": np.arange(15.0).reshape(3, 5), "flatten": np.full((3, 5), np.nan)}
FIGURES = {
    "roc": lambda **options: roc_figure(RUNS, **options),
    "dots": lambda **options: auc_accuracy_figure(RUNS, **options),
    "learning": lambda **options: learning_curves(HISTORY, **options),
    "live": lambda **options: live_curves(["gap", "flatten"], [[0.5, 0.6], [None]], **options),
    "histogram": lambda **options: score_histogram(RUNS[0], **options),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_its_note_and_names_its_axes(name, dark):
    figure = FIGURES[name](note="Synthetic data", dark=dark)
    assert "Synthetic data" in [annotation.text for annotation in figure.layout.annotations]
    assert figure.layout.annotations[-1].font.color == (DARK if dark else LIGHT).notice
    axes = [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
    assert any(axes)
    assert figure.to_json()


LEAKS = {
    "roc": lambda runs: roc_figure(runs, "Synthetic data"),
    "dots": lambda runs: auc_accuracy_figure(runs, "Synthetic data"),
    "learning": lambda runs: learning_curves({run.name: HISTORY["gap"] for run in runs}, "Synthetic data", runs=runs),
    "histogram": lambda runs: score_histogram(runs[0], "Synthetic data"),
}


def note_and_names(figure):
    """The note of a figure, and all names of its runs."""
    names = {trace.name for trace in figure.data if trace.name}
    for trace in figure.data:
        names |= set(trace.y) if trace.y is not None and isinstance(trace.y[0], str) else set()
    return figure.layout.annotations[0].text if figure.layout.annotations else "", names


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_that_all_runs_share_is_noted_once(name):
    runs = [replace(run, leaked=3, repeated=2) for run in RUNS]
    note, names = note_and_names(LEAKS[name](runs))
    sentences = [
        "3 of 8 test images have their patient in train",
        "2 of 8 test images have what may be a near-duplicate in train",
    ]
    assert note == "<br>".join(["Synthetic data", *sentences])
    assert not any("leaked" in name for name in names)


@pytest.mark.parametrize("name", ["roc", "dots", "learning"])
def test_leaks_that_differ_are_marked_at_each_run(name):
    runs = [RUNS[0], replace(RUNS[1], leaked=3, repeated=5)]
    note, names = note_and_names(LEAKS[name](runs))
    assert note == "Synthetic data<br>leaked: images whose patient, or what may be a near-duplicate, is in train"
    (marked,) = (name for name in names if "5 leaked" in name)
    assert marked.startswith("flatten · nadam")


def test_the_note_gives_the_leak_of_the_part_that_is_shown():
    run = replace(RUNS[0], part="validation", leaked=1)
    assert note_and_names(roc_figure([run]))[0] == "1 of 8 validation images have their patient in train"


READER = Scored("Reader's BI-RADS", LABELS, np.array([3.5, 4, 2, 5, 4, 3.5, 2, 4]), PATIENTS)


def test_the_reader_is_a_dashed_line_marked_at_each_threshold():
    plain, figure = roc_figure(RUNS), roc_figure(RUNS, reader=READER)
    assert len(figure.data) == len(plain.data) + 1
    line = next(trace for trace in figure.data if trace.name and trace.name.startswith("Reader's"))
    low, high = auc_interval(LABELS, [READER.logits], PATIENTS)[0]
    area = auc(LABELS, READER.logits)
    assert line.name == f"Reader's BI-RADS — AUC {area:.2f} ({low:.2f}–{high:.2f}), n = 8"
    assert np.trapezoid(line.y, line.x) == pytest.approx(area)
    assert line.line.dash == "dash" and "markers" in line.mode
    assert list(line.customdata) == ["", "BI-RADS ≥ 5", "BI-RADS ≥ 4", "BI-RADS ≥ 4 or 0", "BI-RADS ≥ 2 or 0"]
    labels = [note for note in figure.layout.annotations if note.text in ("5", "≥ 4", "≥ 4 or 0", "2")]
    assert [(note.x, note.y) for note in labels] == list(zip(line.x[1:], line.y[1:], strict=True))
    assert all(note.bgcolor for note in labels) and labels[-1].xanchor == "right"
    assert list(line.marker.size) == [0, 8, 12, 12, 8]
    assert line.line.color not in SERIES
    assert figure.layout.height > plain.layout.height


def test_the_legend_counts_images_without_an_assessment():
    line = roc_figure(RUNS, reader=replace(READER, left_out=4)).data[1]
    assert line.name.endswith("n = 8, 4 without BI-RADS left out")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_without_a_note_has_no_annotation(name):
    assert not FIGURES[name]().layout.annotations


def test_roc_legend_has_auc_interval_and_n():
    curves = [trace for trace in roc_figure(RUNS).data if trace.name]
    for trace, run in zip(curves, RUNS, strict=True):
        low, high = auc_interval(LABELS, [run.logits], PATIENTS)[0]
        area = auc(LABELS, run.logits)
        assert trace.name == f"{run.name} — AUC {area:.2f} ({low:.2f}–{high:.2f}), n = 8"
        assert np.trapezoid(trace.y, trace.x) == pytest.approx(area)


def test_dots_are_drawn_at_the_metrics_with_their_intervals():
    areas, shares = auc_accuracy_figure(RUNS).data
    for trace, metric, interval in ((areas, auc, auc_interval), (shares, accuracy, accuracy_interval)):
        logits = [run.logits for run in RUNS]
        bounds = interval(LABELS, logits, PATIENTS)
        np.testing.assert_allclose(trace.x, metric(LABELS, logits))
        np.testing.assert_allclose(trace.x + trace.error_x.array, bounds[:, 1])
        np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, bounds[:, 0])


def test_runs_whose_names_are_numbers_have_rows_of_their_own():
    figure = auc_accuracy_figure([replace(RUNS[0], name="1e-3"), replace(RUNS[1], name="1e-4")])
    assert {axis.type for axis in figure.select_yaxes()} == {"category"}
    assert list(figure.data[0].y) == ["1e-3", "1e-4"]


def test_learning_curves_draw_train_dotted_and_validation_solid():
    traces = [trace for trace in learning_curves(HISTORY).data if trace.name == "gap"]
    assert sorted((trace.line.dash, *trace.y) for trace in traces) == [
        ("dot", 0, 5, 10),
        ("dot", 1, 6, 11),
        ("solid", 2, 7, 12),
        ("solid", 3, 8, 13),
    ]
    assert sum(bool(trace.showlegend) for trace in traces) == 1


def test_live_curves_name_the_five_best_heads_and_join_all_further_ones():
    curves = [[0.5, 0.5 + head / 100] for head in range(40)]
    joined, *best = live_curves([f"head {head}" for head in range(40)], curves).data
    assert [trace.name for trace in best] == [f"head {head} — {0.5 + head / 100:.3f}" for head in range(39, 34, -1)]
    assert sum(value is None for value in joined.y) == 35


def test_live_curves_before_the_first_epoch():
    figure = live_curves(["gap", "flatten"], [[], [None]])
    assert {trace.name for trace in figure.data if trace.name} == {"gap", "flatten"}


def test_histogram_holds_each_class_once():
    benign, malignant = score_histogram(RUNS[0]).data
    assert (len(benign.x), len(malignant.x)) == (4, 4)
    assert benign.x[0] == pytest.approx(1 / (1 + np.exp(2)))


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(first, second):
    """The contrast ratio of two colours by WCAG 2."""
    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", [LIGHT, DARK])
def test_the_palette_can_be_read_on_both_backgrounds(ground):
    assert min(contrast(colour, ground.paper) for colour in SERIES) >= 3
    assert min(contrast(colour, ground.paper) for colour in (ground.text, ground.faint, ground.notice)) >= 4.5


def test_lines_beyond_the_palette_differ_by_dash():
    assert len({(style(number)["color"], style(number)["dash"]) for number in range(28)}) == 28


def test_probes_are_strokes_beside_the_dots_of_their_runs():
    figure = auc_accuracy_figure(RUNS, probes=[None, RUNS[0]])
    dots, strokes = (data for data in figure.data if data.xaxis == "x")
    assert list(strokes.y) == [dots.y[1]] and list(strokes.x) == [dots.x[0]]
    assert strokes.customdata[0][1] == len(LABELS)


def test_classes_other_than_malignancy_have_their_own_names():
    density = replace(RUNS[0], classes=ClassNames("BI-RADS d", "other"))
    histogram = score_histogram(density)
    assert [trace.name for trace in histogram.data] == ["Other", "BI-RADS d"]
    assert histogram.layout.xaxis.title.text == "Probability of BI-RADS d"
    curve = roc_figure([density])
    assert curve.layout.xaxis.title.text == "1 − specificity (other called BI-RADS d)"
    assert curve.layout.yaxis.title.text == "Sensitivity (BI-RADS d)"
    mixed = roc_figure([density, RUNS[1]])
    assert mixed.layout.yaxis.title.text == roc_figure(RUNS).layout.yaxis.title.text == "Sensitivity"


def test_words_at_the_readers_marks_never_overlap():
    x, y = np.array([0.1, 0.61, 0.65, 1.0]), np.array([0.5, 1.0, 1.0, 1.0])
    assert _legible(x, y, np.array([False, True, False, False])).tolist() == [True, True, False, True]
    assert _legible(x, y, np.array([False, False, True, False])).tolist() == [True, False, True, True]
