import dataclasses
import json

import pytest

from mammo.progress import Progress, RecentRate, duration, finish


def squares(count):
    for done in range(count):
        yield Progress("squaring", done, count, "numbers")
    yield Progress("squaring", count, count, "numbers")
    return [number**2 for number in range(count)]


def test_work_says_how_far_it_is_and_returns_its_result():
    work = squares(3)
    steps = []
    with pytest.raises(StopIteration) as end:
        while True:
            steps.append(next(work))
    assert steps == [Progress("squaring", done, 3, "numbers") for done in range(4)]
    assert end.value.value == [0, 1, 4]


def test_finish_runs_to_the_end():
    assert finish(squares(4)) == [0, 1, 4, 9]
    assert finish(squares(0)) == []


def test_an_error_in_work_comes_out_of_finish():
    def work():
        yield Progress("a", 0, 1)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        finish(work())


def test_progress_is_json():
    step = Progress("sweep", 1, 2, live={"validation_auc": [0.5]})
    assert json.loads(json.dumps(dataclasses.asdict(step)))["live"] == {"validation_auc": [0.5]}
    assert Progress("a", 0, 1).live == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "unknown"), (0.2, "1 s"), (89, "89 s"), (900, "15 min"), (5400, "1.5 h"), (90_000, "25.0 h")],
)
def test_durations_are_said_in_the_unit_that_suits_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("before", "after"), [(1.0, 10.0), (10.0, 1.0), (0.01, 0.05)])
def test_the_time_left_corrects_itself_when_the_work_changes_its_speed(before, after):
    pace, now, total = RecentRate(), 0.0, 1000
    pace.add(now, 0)
    assert pace.rate == 0.0 and pace.seconds_left(total) is None
    for done in range(1, 401):
        now += 1 / before
        pace.add(now, done)
    assert pace.seconds_left(total) == pytest.approx(600 / before, rel=0.05)
    changed, done = now, 400
    while now < changed + 0.25 * changed + 3 / after:
        now, done = now + 1 / after, done + 1
        pace.add(now, done)
    assert pace.rate == pytest.approx(after, rel=0.1)
    assert pace.seconds_left(done + 100) == pytest.approx(100 / after, rel=0.1)


def test_a_rate_counts_what_this_run_did_and_keeps_few_steps():
    pace = RecentRate()
    for step in range(20_001):
        pace.add(step / 1000, 500 + step)
    assert pace.rate == pytest.approx(1000, rel=0.01) and pace.seconds_left(500 + 20_000) == 0
    assert len(pace._steps) < 200
    slow = RecentRate()
    for step in range(4):
        slow.add(step * 300.0, step)
    assert slow.rate == pytest.approx(1 / 300) and slow.seconds_left(10) == pytest.approx(7 * 300)
