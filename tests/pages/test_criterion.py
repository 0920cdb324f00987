"""The rule for thresholds is chosen once, stands in the address, and holds for every count of errors on a page."""

from __future__ import annotations

import re

import pytest

from mammo.results.board.leaderboard import leaderboard
from mammo.runs.stored_run import StoredRun
from mammo.statistics.metrics import accuracy
from mammo.statistics.operating import Criterion, operate

MATRIX = (
    "[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot.data ?? [])"
    ".filter(trace => trace.type == 'heatmap').map(trace => trace.text.map(row => [...row].map(cell => "
    "parseInt(cell.replace('<b>', '')))))"
)
"""The counts of the confusion matrix: rows benign and malignant, columns called benign and called malignant."""
ACCURACIES = (
    "[...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => plot._fullData ?? [])"
    ".filter(trace => trace.hovertemplate?.startsWith('Accuracy')).flatMap(trace => [...trace.x])"
)
"""The accuracies that are drawn as dots."""
CRITERIA = {
    "": Criterion("youden"),
    "&rule=At+a+sensitivity&target=80": Criterion("sensitivity", 0.8),
    "&rule=Probability+0.5": Criterion("half"),
}


def counted(page, label):
    """How many images there are of an answer."""
    caption = page.get_by_text("the most confident answers first").inner_text()
    return int(re.search(rf"{label}: (\d+)", caption)[1])


@pytest.mark.parametrize("address", CRITERIA)
def test_the_images_shown_are_those_that_the_confusion_matrix_counts(demo, demo_home, address):
    run, criterion = StoredRun.open(demo_home, leaderboard(demo_home)["run"][0]), CRITERIA[address]
    point = operate(run.scored("validation"), run.scored("test"), criterion.rule, criterion.target)
    missed, alarms = int(point.counts.false_benign), int(point.counts.false_malignant)
    assert missed + alarms
    with demo.visit(f"inspect?run={run.id}&answers=All{address}") as page:
        page.get_by_text(f"Called malignant: every probability above {point.words}.").wait_for()
        assert (counted(page, "Missed"), counted(page, "False alarms")) == (missed, alarms)
        assert counted(page, "Mistakes") == missed + alarms
        for answers, count in (("Missed", missed), ("False alarms", alarms)):
            page.get_by_role("radio", name=answers).click()
            page.get_by_text(
                "No images match this choice" if not count else f"of {count:,}, the most confident"
            ).wait_for()
        page.get_by_role("radio", name="Operating point").click()
        page.get_by_text("Confusion matrix").wait_for()
        page.get_by_text(f"Called malignant: every probability above {point.words}.").wait_for()
        page.wait_for_function(f"({MATRIX}).length == 1")
        ((_, right), (left, _)) = page.evaluate(f"({MATRIX})[0]")
        assert (left, right) == (missed, alarms)
    assert demo.faults() == []


def test_accuracy_and_flips_on_compare_follow_the_rule(demo, demo_home):
    board = leaderboard(demo_home)
    runs = [StoredRun.open(demo_home, run) for run in board["run"].iloc[[0, 23]]]
    names = ",".join(run.id for run in runs)
    criterion = Criterion("sensitivity", 0.7)
    shown = {}
    for run in runs:
        point = operate(run.scored("validation"), run.scored("test"), criterion.rule, criterion.target)
        shown[run.id] = point.measures["accuracy"].value
    assert shown[runs[0].id] != run.scored("test").value(accuracy)
    with demo.visit(f"compare?runs={names}&rule=At+a+sensitivity&target=70") as page:
        page.get_by_text("by the rule above: At a sensitivity of 0.7").wait_for()
        page.wait_for_function(f"({ACCURACIES}).length >= 2")
        dots = page.evaluate(ACCURACIES)
        assert sorted(dots[:2]) == pytest.approx(sorted(shown.values()))
        page.get_by_role("radio", name="Differences").click()
        page.get_by_text("own threshold: At a sensitivity of 0.7").wait_for()
    assert demo.faults() == []
