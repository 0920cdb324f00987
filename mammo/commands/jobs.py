"""`mammo jobs`: list, show, cancel, repeat and delete the jobs that were started from the dashboard."""

from __future__ import annotations

import argparse
from textwrap import shorten
from typing import TYPE_CHECKING

from mammo.commands.shared import Commands, add_command, home_of, show, table
from mammo.errors import MammoError
from mammo.progress import duration

if TYPE_CHECKING:
    from mammo.jobs import Job
    from mammo.specs import Home

HEADER = ["job", "state", "started (UTC)", "took", "data set", "result"]
LONGEST = 600
"""The most characters of a reason that are printed; --json and --log hold all."""
ACTIONS = {
    "cancel": "end the job; its finished parts stay",
    "retry": "start the same work again, as a new job",
    "log": "print the output of its process",
    "delete": "delete its folder; its results stay",
}


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo jobs --json\n  mammo jobs 20260131-120000-sweep-1a2b --log"
    purpose = "list the jobs that were started from the dashboard; cancel, repeat or delete one"
    parser = add_command(commands, "jobs", purpose, example, run)
    parser.add_argument("job", nargs="?", metavar="ID", help="one job (default: all, the newest first)")
    actions = parser.add_mutually_exclusive_group()
    for name, meaning in ACTIONS.items():
        actions.add_argument(f"--{name}", dest="action", action="store_const", const=name, help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Do the action, and print the job or all jobs."""
    from mammo.jobs import Job, cancel, delete, jobs, retry

    home, name, action = home_of(arguments), arguments.job, arguments.action
    if action and not name:
        raise MammoError(f"--{action} takes the job that is meant: mammo jobs ID --{action}.")
    if action == "log":
        return _show_log(arguments, Job.open(home, name))
    if action == "delete":
        delete(home, name)
        show(arguments, {"deleted": name}, f"Deleted {name}.")
        return 0
    if action == "retry":
        name = retry(home, name)
    if action == "cancel":
        cancel(home, name)
    listed = [Job.open(home, name)] if name else jobs(home)
    show(arguments, [job.to_json() for job in listed], text_of(home, listed))
    return 0


def _show_log(arguments: argparse.Namespace, job: Job) -> int:
    from mammo.jobs import log_of

    lines = log_of(job)
    show(arguments, {"id": job.id, "log": lines}, "\n".join(lines) or "It printed nothing.")
    return 0


def _result_words(job: Job) -> str:
    """The results of a job; of several their number."""
    names = job.results
    return f"{len(names)} caches" if len(names) > 1 else ", ".join(names) or "-"


def text_of(home: Home, jobs: list[Job]) -> str:
    """Jobs as a table, below it the settings of a single job, and the reasons of failures."""
    if not jobs:
        return f"There are no jobs in {home.path}: they are started from the dashboard, mammo serve."
    rows = [
        [
            job.id,
            job.state,
            job.started[:16].replace("T", " ") or "-",
            "-" if job.seconds is None else duration(job.seconds),
            job.dataset or "-",
            _result_words(job),
        ]
        for job in jobs
    ]
    parts = [table(rows, HEADER)]
    if len(jobs) == 1 and jobs[0].settings:
        parts.append(f"Settings: {jobs[0].settings}")
    reasons = (f"{job.id}: {shorten(job.reason, LONGEST, placeholder=' …')}" for job in jobs if job.reason)
    return "\n".join([*parts, *reasons])
