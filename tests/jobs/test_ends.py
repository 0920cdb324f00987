"""However a job or a measurement ends, no process that it started goes on."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mammo.jobs import Job, start
from mammo.jobs.job import GRACE
from mammo.jobs.owner import job_process
from mammo.jobs.running import CLEAN_UP_SECONDS
from mammo.specs import Home
from tests.jobs.conftest import end_all, in_session, soon

LEFT = CLEAN_UP_SECONDS + 6
"""Seconds after which no process of a job that was asked to end may be left."""


def leader_of(home: Home, name: str) -> int:
    process = soon(lambda: job_process(home, name, None)) and job_process(home, name, None)
    assert process
    return process.pid


@pytest.mark.slow
@pytest.mark.faults("SIGTERM to a job", "the job ends with all that it started, and is called cancelled")
def test_sigterm_ends_a_job_and_its_workers(home: Home, started: list[int], few_files: Path) -> None:
    requests = {
        "index-phantom": {"name": "p", "images": 5000, "seed": 1},
        "index-cbis-ddsm": {"name": "c", "root": str(few_files)},
    }
    for verb, request in requests.items():
        name = start(home, verb, request)
        started.append(leader := leader_of(home, name))
        assert soon(lambda leader=leader: len(in_session(leader)) > 2, 60)
        os.kill(leader, signal.SIGTERM)
        assert soon(lambda leader=leader: not in_session(leader), LEFT), f"{verb}: {in_session(leader)}"
        assert Job.open(home, name).state == "cancelled"


@pytest.mark.faults("a job's work does not hear SIGTERM", "the job ends within seconds all the same")
def test_work_that_swallows_the_signal_still_ends(tmp_path: Path, started: list[int]) -> None:
    script = tmp_path / "deaf.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from mammo.jobs import running\n"
        "from mammo.jobs.running import EndSignals, ProgressWriter\n"
        "from mammo.processes.lifetimes import end_descendants\n"
        "import os\n"
        "running.CLEAN_UP_SECONDS = 0.5\n"
        "def late():\n    end_descendants()\n    os._exit(143)\n"
        "EndSignals(late)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "said = 'ready'\n"
        "while True:\n    try:\n        print(said, flush=True)\n        said = 'deaf'\n        time.sleep(60)\n"
        "    except BaseException:\n        pass\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, start_new_session=True)
    started.append(process.pid)
    assert process.stdout and process.stdout.readline() == b"ready\n"
    process.terminate()
    assert process.wait(15) == 143 and soon(lambda: not in_session(process.pid), 5)
    process.stdout.close()


@pytest.mark.nightly
@pytest.mark.faults("SIGTERM to a job at any moment", "nothing of it is left at any of twenty moments")
def test_sigterm_at_any_moment(home: Home, started: list[int], few_files: Path) -> None:
    moments = random.Random(0)
    for number in range(20):
        shutil.rmtree(home.dataset("c"), ignore_errors=True)
        name = start(home, "index-cbis-ddsm", {"name": "c", "root": str(few_files)})
        started.append(leader := leader_of(home, name))
        time.sleep(moments.uniform(0, 4))
        with contextlib.suppress(ProcessLookupError):
            os.kill(leader, signal.SIGTERM)
        assert soon(lambda leader=leader: not in_session(leader), LEFT), f"{number}: {in_session(leader)}"
        # a job without progress yet counts as running for GRACE seconds
        assert soon(lambda name=name: Job.open(home, name).state in ("cancelled", "interrupted", "done"), GRACE)


@pytest.mark.slow
@pytest.mark.faults("SIGKILL to a server that measures the machine", "the measurement ends with it")
def test_measuring_ends_with_the_process_that_started_it(home: Home) -> None:
    home.path.mkdir()
    script = (
        "import threading, time; from mammo.estimates import measuring; from mammo.specs import Home\n"
        f"begin = lambda: print(measuring.begin(Home({str(home.path)!r}), ['heads']).pid, flush=True)\n"
        "thread = threading.Thread(target=begin); thread.start(); thread.join()\n"
        "import gc; gc.collect(); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    try:
        time.sleep(1.5)
        assert child.is_running() and child.status() != psutil.STATUS_ZOMBIE, "it outlives the thread that began it"
        parent.kill()
        parent.wait(10)
        assert soon(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        end_all([child])
