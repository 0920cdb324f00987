"""A worker process for work that nobody vouches for: one piece at a time, watched from outside."""

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
"""How often it is looked whether a worker still computes or reads."""
SPARE_SECONDS = 20.0
"""How long a worker without work is kept."""
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
"""Signals that no work sends itself: the system ended the worker, for want of memory perhaps, or a person did."""


@dataclass(frozen=True)
class Done:
    """A piece of work has ended."""

    result: Any


@dataclass(frozen=True)
class Fault:
    """A piece of work is lost for a reason of its own: it would be lost on any machine."""

    reason: str


@dataclass(frozen=True)
class Interrupted:
    """A piece of work is lost because this machine did not let it end; on another day it may be sound."""

    reason: str


Failure = Fault | Interrupted
Outcome = Done | Failure


class Worker:
    """A process that needs no guard in the caller's script, and ends with its parent however that ends."""

    def __init__(self) -> None:
        from loky.backend import get_context

        self.calls, theirs = get_context("loky").Pipe()
        reader, self._lifeline = get_context("loky").Pipe(duplex=False)
        with theirs, reader:
            self.process = get_context("loky").Process(target=_serve, args=(theirs, reader), daemon=True)
            self.process.start()
        self._warmed: set[Callable[[], None]] = set()
        self._limits: Limits | None = None
        self._activity = _Activity(self.process.pid)

    def begin(self, function: Callable[[Any], Any], item: Any, limits: Limits, warm: Callable[[], None]) -> None:
        """Let it apply `function` to `item`, after `warm`, which nothing limits, where this is its first such work."""
        self._limits = limits
        self._activity = _Activity(self.process.pid)
        first = () if warm in self._warmed else (warm,)
        self._warmed.add(warm)
        with contextlib.suppress(BrokenPipeError):  # it has ended, which `outcome` says
            _send(self.calls, (*first, function, item, limits))

    def outcome(self) -> Outcome:
        """What came of its work, which has ended; raises the exception that the work raised, unless a limit did."""
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
        """How long it has neither computed nor read or written anything, while it was looked at."""
        return self._activity.seconds_idle()

    def end(self) -> None:
        """End the process at once."""
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.calls.close()
        self._lifeline.close()


class _Activity:
    """What a process was last seen to have done, and for how long nothing came to it."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done: tuple[float, ...] = ()
        self._looked = time.monotonic()
        self._idle = 0.0

    def seconds_idle(self) -> float:
        """Seconds without any change; while nobody looked, as when the parent stood still, none pass."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return self._idle
        done = self._counted()
        self._idle = self._idle + min(now - self._looked, 2 * LOOK_SECONDS) if done == self._done else 0.0
        self._done, self._looked = done, now
        return self._idle

    def _counted(self) -> tuple[float, ...]:
        """Seconds of computing, of all threads, and bytes read and written, from the disk or from memory."""
        counted: tuple[float, ...] = ()
        with contextlib.suppress(psutil.Error):
            counted += tuple(self._process.cpu_times()[:2])
            if hasattr(self._process, "io_counters"):
                counted += tuple(self._process.io_counters())
        return counted


class IdleWorkers:
    """Workers that have nothing to do, kept a while for the next work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._timer: threading.Timer | None = None

    def take(self) -> Worker:
        """A worker that lives."""
        with self._lock:
            while self._workers:
                worker = self._workers.pop()
                if worker.process.is_alive():
                    return worker
                worker.end()
        return Worker()

    def keep(self, worker: Worker) -> None:
        """Keep a worker whose work has ended."""
        with self._lock:
            self._workers.append(worker)
            if self._timer:
                self._timer.cancel()
            self._timer = threading.Timer(SPARE_SECONDS, self.dismiss)
            self._timer.daemon = True
            self._timer.start()

    def dismiss(self) -> None:
        """End all that are kept."""
        with self._lock:
            while self._workers:
                self._workers.pop().end()


IDLE_WORKERS = IdleWorkers()


def _send(connection: Connection, content: Any) -> None:
    from loky.backend.reduction import dumps

    connection.send_bytes(dumps(content))


def _serve(calls: Connection, lifeline: Connection) -> None:
    """A worker's life: work until the parent ends, without a word on the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and decides
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries in C write there what they find wrong in a file
        os.dup2(nowhere, stream)
    while True:
        try:
            *warm, function, item, limits = calls.recv()
        except EOFError:
            return
        except Exception as error:  # what was sent cannot be understood here
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
    """Wait, without computing, until the other end is gone."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
