"""Untrusted work fails only for reasons of its own, whatever else the machine does."""

import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import psutil
import pytest

from mammo.errors import MammoError
from mammo.processes.guarded import USUAL, Fault, GuardedWork, Interrupted, Limits, guarded_map
from mammo.processes.workers import IDLE_WORKERS

MB = 2**20


def double(number):
    return 2 * number


def where(_):
    return os.getpid()


def refuse(number):
    if number == 3:
        raise MammoError("three is refused")
    return number


def loop():
    while True:
        pass


def swallow():
    while True:
        with contextlib.suppress(Exception):
            loop()


MISDEEDS = {
    "loop": loop,
    "swallow": swallow,
    # Python runs no signal handler before this ends, and it never ends
    "stuck in C": lambda: deque(itertools.repeat(None), maxlen=0),
    "greedy": lambda: bytearray(3 * 2**30),
    "greedy bit by bit": lambda: [bytearray(MB) for _ in range(3 * 2**10)],
    "exit": lambda: os._exit(0),
    "segmentation fault": lambda: ctypes.string_at(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "asleep": lambda: time.sleep(600),
}
"""What a hostile file may make a reader do, or a machine may do to a reader."""


def misbehave(kind):
    if kind in MISDEEDS:
        MISDEEDS[kind]()
    return kind


def lost(item, failure):
    return failure


def tight(kind):
    return Limits(1 if "seconds" in FAULTS.get(str(kind), "") else 30, 256 * MB)


FAULTS = {
    "loop": "takes more than 1 seconds of computing time",
    "swallow": "takes more than 1 seconds of computing time",
    "stuck in C": "takes more than 1 seconds of computing time",
    "greedy": "needs more than 256 MB of memory",
    "greedy bit by bit": "needs more than 256 MB of memory",
    "exit": "it ends the process that reads it",
    "segmentation fault": "it ends the process that reads it",
}
STALLS = {
    "killed": "its reader was ended from outside, perhaps for want of memory",
    "asleep": "its reader neither computed nor read for 2 seconds",
}


def outcomes(kinds, workers=2, **work):
    return dict(guarded_map(GuardedWork(misbehave, **work), kinds, lost, workers))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.faults(
    "A file lets its reader hang, crash or take all memory", "That file alone is set aside, with the reason"
)
def test_what_misbehaves_is_lost_alone_for_a_reason_of_its_own(kind, workers):
    results = outcomes(["a", "b", kind, "c", "d"], workers, limits=tight)
    assert results == {"a": "a", "b": "b", kind: Fault(FAULTS[kind]), "c": "c", "d": "d"}


@pytest.mark.parametrize("kind", STALLS)
def test_what_the_machine_does_not_let_end_is_called_stalled_and_no_fault(kind):
    results = outcomes(["a", kind, "b"], stalled_seconds=2.0)
    assert results == {"a": "a", kind: Interrupted(STALLS[kind]), "b": "b"}


@pytest.mark.slow
def test_many_may_misbehave():
    kinds = ["a", "killed", "exit", "b", "greedy", "segmentation fault", "c"]
    results = outcomes(kinds, limits=tight, stalled_seconds=2.0)
    assert [type(results[kind]) for kind in kinds] == [str, Interrupted, Fault, str, Fault, Fault, str]


def count_starts(folder):
    with (folder / "starts").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return (folder / "starts").read_text().split()


def once_badly(request):
    """Misbehave at the first attempt, and succeed afterwards."""
    folder, kind = request
    first = len(count_starts(folder)) == 1
    return misbehave(kind) if first else "sound"


@pytest.mark.parametrize("kind", ["stuck in C", "greedy", "exit", "killed", "asleep"])
def test_what_was_lost_once_is_tried_again_alone_in_a_new_process(tmp_path, kind):
    work = GuardedWork(once_badly, lambda request: tight(request[1]), stalled_seconds=2.0)
    requests = []
    for name in (kind, *"abc"):
        (tmp_path / name).mkdir()
        requests.append((tmp_path / name, name))
    results = list(guarded_map(work, requests, lost, 2))
    assert results[-1] == (requests[0], "sound")
    assert {request[1]: result for request, result in results[:-1]} == {"a": "a", "b": "b", "c": "c"}
    first, second = (tmp_path / kind / "starts").read_text().split()
    other_processes = {(tmp_path / name / "starts").read_text().strip() for name in "abc"}
    assert second not in {first, *other_processes}


def test_what_stands_still_with_its_watcher_has_not_stalled():
    work = GuardedWork(misbehave, stalled_seconds=2.0)
    results = guarded_map(work, ["asleep", "a"], lost, 2)
    assert next(results) == ("a", "a")
    time.sleep(3)  # nobody checks meanwhile, as when Ctrl-Z stops the command
    began = time.monotonic()
    assert next(results)[0] == "asleep"
    assert time.monotonic() - began > 2.0


def test_results_come_with_their_items_from_other_processes():
    work = GuardedWork(double)
    for workers in (1, 2):
        assert dict(guarded_map(work, range(50), lost, workers)) == {number: 2 * number for number in range(50)}
    assert list(guarded_map(work, [], lost, 2)) == []
    processes = {process for _, process in guarded_map(GuardedWork(where), range(40), lost, 2)}
    assert os.getpid() not in processes and len(processes) == 2


def test_other_errors_arrive_as_they_are_and_leave_no_worker_busy():
    with pytest.raises(MammoError, match="three is refused"):
        list(guarded_map(GuardedWork(refuse), range(10), lost, 2))
    assert dict(guarded_map(GuardedWork(double), range(4), lost, 2)) == {0: 0, 1: 2, 2: 4, 3: 6}


def test_no_more_items_are_taken_than_there_are_workers():
    requested = []
    results: Any = guarded_map(
        GuardedWork(double), (requested.append(number) or number for number in range(1000)), lost, 2
    )
    next(results)
    assert len(requested) == 2
    results.close()


def test_a_worker_is_warmed_once_and_free_of_limits_meanwhile(tmp_path):
    IDLE_WORKERS.dismiss()
    work = GuardedWork(read_warmth, warm=warm_up)
    assert set(dict(guarded_map(work, range(6), lost, 1)).values()) == {(1, -1, -1)}


WARMTH: list[tuple[int, int]] = []


def warm_up():
    import resource

    WARMTH.append((resource.getrlimit(resource.RLIMIT_DATA)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]))


def read_warmth(_):
    return len(WARMTH), *WARMTH[0]


def burn(seconds):
    """Compute for some seconds of computing time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


@pytest.mark.slow
def test_a_busy_machine_gives_the_time_later_and_not_less():
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * len(os.sched_getaffinity(0)))
    ]
    try:
        began = time.monotonic()
        results = dict(guarded_map(GuardedWork(burn, lambda _: Limits(1, USUAL.memory)), [0.5, 0.6, 0.7], lost, 2))
        waited = time.monotonic() - began
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert results == {0.5: 0.5, 0.6: 0.6, 0.7: 0.7}
    assert waited > 2, "the machine was not busy: nothing was tested"


@pytest.mark.slow
def test_memory_within_the_limit_is_given():
    sizes = [200 * MB + number for number in range(4)]
    assert dict(guarded_map(GuardedWork(allocate, tight), sizes, lost, 2)) == {size: size for size in sizes}


def allocate(size):
    return len(bytearray(size))


PARENT = """
import sys, time
from mammo.processes.guarded import GuardedWork, guarded_map
from long_work import long_work
for _, worker in guarded_map(GuardedWork(long_work), [0, 0, 60, 60], print, 2):
    print(worker, flush=True)
"""


@pytest.mark.slow
@pytest.mark.faults("SIGKILL to a command whose workers read files", "The workers end by themselves")
def test_workers_end_with_a_killed_parent_in_the_middle_of_their_work(tmp_path):
    function = "import os, time\n\ndef long_work(seconds):\n    time.sleep(seconds)\n    return os.getpid()\n"
    (tmp_path / "long_work.py").write_text(function)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])}
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        workers = {int(process.stdout.readline()) for _ in range(2)}
        alive = [psutil.Process(worker) for worker in workers]
        process.kill()
    _, left = psutil.wait_procs(alive, timeout=30)
    assert left == []


def test_an_interrupt_from_the_terminal_leaves_the_workers_to_their_parent():
    types = Counter(type(result) for _, result in guarded_map(GuardedWork(interrupt), range(4), lost, 2))
    assert types == {str: 4}


def interrupt(_):
    os.kill(os.getpid(), signal.SIGINT)
    return "still here"
