"""Long work in a process of its own: it outlives the browser's tab and the server; its progress is in files."""

from mammo.jobs.control import cancel, delete, retry, start
from mammo.jobs.job import DAMAGED, RUNNING, STATES, Job, jobs, log_of
from mammo.jobs.records import LOG, PROGRESS, REQUEST
from mammo.jobs.requests import VERBS

__all__ = [
    "DAMAGED", "LOG", "PROGRESS", "REQUEST", "RUNNING", "STATES", "VERBS", "Job", "cancel", "delete", "jobs", "log_of",
    "retry", "start",
]  # fmt: skip
