import os
import signal
import subprocess
import sys
from typing import Any

import psutil
import pytest

from mammo.errors import MammoError
from mammo.processes.parallel import cores, ordered_map


def double(number):
    return 2 * number


def refuse(number):
    if number == 3:
        raise MammoError("three is refused")
    return number


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


PARENT = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from mammo.processes.parallel import ordered_map
from many_bytes import many_bytes
results = ordered_map(many_bytes, range(100), 2)
next(results)
print(*{result[0] for result in [next(results) for _ in range(8)]}, flush=True)
time.sleep(60)
"""


def where(_):
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    assert list(ordered_map(double, range(50), workers)) == [2 * number for number in range(50)]
    assert list(ordered_map(double, [], workers)) == []


def test_one_worker_is_this_process_and_several_are_not():
    assert set(ordered_map(where, range(3), 1)) == {os.getpid()}
    assert os.getpid() not in set(ordered_map(where, range(3), 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_with_its_sentence_after_the_results_before_it(workers):
    results = ordered_map(refuse, range(10), workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(MammoError, match="three is refused"):
        next(results)


@pytest.mark.faults("SIGKILL to a worker process", "It is said in a sentence, and the next work goes on")
def test_a_killed_worker_is_said_plainly_and_the_next_work_goes_on():
    with pytest.raises(MammoError, match="A worker process was killed"):
        list(ordered_map(die, range(10), 2))
    assert list(ordered_map(double, range(4), 2)) == [0, 2, 4, 6]


def test_items_are_taken_only_a_little_ahead():
    requested = []

    def items():
        for number in range(1000):
            requested.append(number)
            yield number

    results: Any = ordered_map(double, items(), 2, ahead=3)
    assert next(results) == 0
    assert len(requested) == 6
    results.close()


def test_there_is_at_least_one_core():
    assert cores() >= 1


@pytest.mark.slow
def test_workers_end_with_a_killed_parent_though_their_results_are_read_no_more(tmp_path):
    function = "import os\n\ndef many_bytes(_):\n    return os.getpid(), bytes(1_000_000)\n"
    (tmp_path / "many_bytes.py").write_text(function)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        workers = [int(word) for word in process.stdout.readline().split()]
        assert workers and all(psutil.pid_exists(worker) for worker in workers)
        alive = [psutil.Process(worker) for worker in workers]
        process.kill()
    _, left = psutil.wait_procs(alive, timeout=30)
    assert left == []
