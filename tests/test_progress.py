import dataclasses
import json

import pytest

from mammo.progress import Progress, counted, duration, finish


def squares(count):
    made = yield from counted((number**2 for number in range(count)), "squaring", count, "numbers")
    return made


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
    ("seconds", "said"),
    [(None, "unknown"), (0.2, "1 s"), (89, "89 s"), (900, "15 min"), (5400, "1.5 h"), (90_000, "25.0 h")],
)
def test_durations_are_said_in_the_unit_that_suits_them(seconds, said):
    assert duration(seconds) == said
