"""Worker processes for untrusted work: one task at a time, watched from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from mammo.errors import TransientError
from mammo.processes.limits import Limits, TimeIsUp, within

LOOK_SECONDS = 1.0
"""Interval at which a worker's activity is checked."""
IDLE_SECONDS = 20.0
"""How long a worker without work stays alive."""
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
"""Signals that come from outside: the system, perhaps for lack of memory, or a person ended the worker."""


@dataclass(frozen=True)
class Done:
    """A task has ended with a result."""

    result: Any


@dataclass(frozen=True)
class Fault:
    """A task has failed for a reason of its own: it would fail on any machine."""

    reason: str


@dataclass(frozen=True)
class Interrupted:
    """A task has failed because of this machine; it may succeed another time."""

    reason: str


Failure = Fault | Interrupted
Outcome = Done | Failure


class Worker:
    """A process that runs one task at a time and ends with its parent, in whatever way that ends.

    The caller's script needs no `if __name__ == "__main__"`.
    """

    def __init__(self) -> None:
        from loky.backend import get_context

        self.calls, worker_end = get_context("loky").Pipe()
        reader, self._lifeline = get_context("loky").Pipe(duplex=False)
        with worker_end, reader:
            self.process = get_context("loky").Process(target=_serve, args=(worker_end, reader), daemon=True)
            self.process.start()
        self._warmed: set[Callable[[], None]] = set()
        self._limits: Limits | None = None
        self._activity = _Activity(self.process.pid)

    def begin(self, function: Callable[[Any], Any], item: Any, limits: Limits, warm: Callable[[], None]) -> None:
        """Start applying `function` to `item`; call `warm` before, without limits, the first time."""
        self._limits = limits
        self._activity = _Activity(self.process.pid)
        preparations = () if warm in self._warmed else (warm,)
        self._warmed.add(warm)
        with contextlib.suppress(BrokenPipeError):  # the process has ended: `outcome` reports it
            _send(self.calls, (*preparations, function, item, limits))

    def outcome(self) -> Outcome:
        """Return the outcome of a task that has ended; raise the exception of its function, if there was one."""
        try:
            reply = self.calls.recv()
        except (EOFError, OSError):
            self.process.join()
            return self._ended(self.process.exitcode)
        if isinstance(reply, BaseException):
            raise reply
        return reply  # type: ignore[no-any-return]

    def _ended(self, code: int | None) -> Failure:
        if code == -signal.SIGXCPU and self._limits:
            return Fault(self._limits.too_slow)
        if code in [-number for number in FROM_OUTSIDE]:
            return Interrupted("its reader was ended from outside, perhaps for want of memory")
        return Fault("it ends the process that reads it")

    def seconds_idle(self) -> float:
        """Return for how long the process has neither computed nor read nor written."""
        return self._activity.seconds_idle()

    def end(self) -> None:
        """End the process at once."""
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.calls.close()
        self._lifeline.close()


class _Activity:
    """The last observed activity of a process, and for how long it has not changed."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._counters: tuple[float, ...] = ()
        self._checked = time.monotonic()
        self._idle = 0.0

    def seconds_idle(self) -> float:
        """Return the seconds without any change; time during which nobody checked does not count."""
        now = time.monotonic()
        if now - self._checked < LOOK_SECONDS:
            return self._idle
        counters = self._read_counters()
        self._idle = self._idle + min(now - self._checked, 2 * LOOK_SECONDS) if counters == self._counters else 0.0
        self._counters, self._checked = counters, now
        return self._idle

    def _read_counters(self) -> tuple[float, ...]:
        """Return the computing seconds of all threads, and the bytes read and written, from disk or memory."""
        counters: tuple[float, ...] = ()
        with contextlib.suppress(psutil.Error):
            counters += tuple(self._process.cpu_times()[:2])
            if hasattr(self._process, "io_counters"):
                counters += tuple(self._process.io_counters())
        return counters


class IdleWorkers:
    """Workers that have nothing to do and wait a while for the next task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._timer: threading.Timer | None = None

    def take(self) -> Worker:
        """Return a living worker; a new one where none is idle."""
        with self._lock:
            while self._workers:
                worker = self._workers.pop()
                if worker.process.is_alive():
                    return worker
                worker.end()
        return Worker()

    def keep(self, worker: Worker) -> None:
        """Add a worker whose task has ended."""
        with self._lock:
            self._workers.append(worker)
            if self._timer:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_SECONDS, self.dismiss)
            self._timer.daemon = True
            self._timer.start()

    def dismiss(self) -> None:
        """End all idle workers."""
        with self._lock:
            while self._workers:
                self._workers.pop().end()


IDLE_WORKERS = IdleWorkers()


def _send(connection: Connection, content: Any) -> None:
    from loky.backend.reduction import dumps

    connection.send_bytes(dumps(content))


def _serve(calls: Connection, lifeline: Connection) -> None:
    """Run tasks in the worker until the parent ends; write nothing to the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it too, and decides
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # C libraries write their complaints about files there
        os.dup2(null, stream)
    while True:
        try:
            *warm, function, item, limits = calls.recv()
        except EOFError:
            return
        except Exception as error:  # the message cannot be unpickled here
            _send(calls, error)
        else:
            _send(calls, _reply(warm, function, item, limits))


def _reply(
    warm: list[Callable[[], None]], function: Callable[[Any], Any], item: Any, limits: Limits
) -> Outcome | Exception:
    try:
        for prepare in warm:
            prepare()
        with within(limits):
            return Done(function(item))
    except MemoryError:
        return Fault(limits.too_large)
    except TimeIsUp:
        return Fault(limits.too_slow)
    except TransientError as error:
        return Interrupted(str(error))
    except Exception as error:
        return error


def _end_with_parent(lifeline: Connection) -> None:
    """End this process once the parent's end of the pipe is closed; waiting takes no computing time."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
