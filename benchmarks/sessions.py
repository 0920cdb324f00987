"""Visitors of a dashboard without a browser: sessions over real websockets, as Streamlit's page opens them.

Run it with: python -m benchmarks.sessions --home DIR [--visitors 50] [--seconds 120]
"""

from __future__ import annotations

import argparse
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.browser import free_port, running
from mammo.specs import Home

PAGES = ("data", "features", "sweep", "compare", "inspect", "report", "jobs")
LONGEST = 120.0
"""Seconds that a page may take."""


@dataclass
class Seen:
    """What one run of a page showed; `query` is its address afterwards, None where the address did not change."""

    elements: dict[tuple[int, ...], Any] = field(default_factory=dict)
    """Elements by their path on the page; a later element of the same path replaces the earlier one."""
    query: str | None = None

    @property
    def exceptions(self) -> list[str]:
        """The uncaught errors."""
        return [f"{each.type}: {each.message}" for each in self._of("exception")]

    @property
    def boxes(self) -> list[str]:
        """The texts of boxes: warnings, errors and notes."""
        return [each.body for each in self._of("alert")]

    @property
    def texts(self) -> list[str]:
        """Headings and plain texts."""
        return [each.body for kind in ("heading", "markdown") for each in self._of(kind)]

    def _of(self, kind: str) -> list[Any]:
        return [getattr(each, kind) for each in self.elements.values() if each.WhichOneof("type") == kind]


class Visitor:
    """One session over a websocket of its own."""

    def __init__(self, line: Any) -> None:
        self.socket = line

    def open(self, page: str, query: str = "") -> Seen:
        """Open a page and wait until it is complete."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState

        self.socket.send(BackMsg(rerun_script=ClientState(query_string=query, page_name=page)).SerializeToString())
        return self.wait()

    def wait(self) -> Seen:
        """What the page shows when it is complete."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        counters, query = Seen(), None
        while True:
            message = ForwardMsg.FromString(self.socket.recv(LONGEST))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                counters = Seen()
            elif kind == "page_info_changed":
                query = message.page_info_changed.query_string
            elif kind == "delta":
                counters.elements[tuple(message.metadata.delta_path)] = message.delta.new_element
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                counters.query = query
                return counters


@contextmanager
def visit(address: str, host: str | None = None, origin: str | None = None) -> Iterator[Visitor]:
    """A session with a dashboard at `address`, called by another name or from a page of `origin` if those are told.

    Raises websockets.exceptions.InvalidStatus where the server refuses.
    """
    from websockets.sync.client import connect

    parts = urlsplit(address)
    line = socket.create_connection((parts.hostname or "", parts.port or 80))
    uri = f"ws://{host or parts.netloc}{parts.path}_stcore/stream"
    options: dict[str, Any] = {"origin": origin, "subprotocols": ["streamlit"], "max_size": None}
    with connect(uri, sock=line, proxy=None, compression=None, ping_interval=None, **options) as opened:
        yield Visitor(opened)


@contextmanager
def dashboard(home: Home, log: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A dashboard by `mammo serve`, at which address, and its process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    with running(["mammo", "serve", "--port", str(port), *options], home, address, log) as server:
        yield address, server


def memory(server: subprocess.Popen[bytes]) -> float:
    """The memory of a process that is its own, in MB."""
    return float(psutil.Process(server.pid).memory_full_info().uss) / 1e6


def hold(address: str, visitors: int, seconds: float, pages: Sequence[str] = PAGES) -> list[str]:
    """Hold sessions for some seconds, each going from page to page; returns what failed."""
    failures: list[str] = []
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_stay, args=(address, number, end, pages, failures)) for number in range(visitors)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def _stay(address: str, number: int, end: float, pages: Sequence[str], failures: list[str]) -> None:
    draw = random.Random(number)
    try:
        with visit(address) as visitor:
            while time.monotonic() < end:
                page = draw.choice(pages)
                if exceptions := visitor.open(page).exceptions:
                    failures.append(f"{page}: {exceptions}")
                time.sleep(min(draw.uniform(5, 30), max(end - time.monotonic(), 0)))
    except Exception as error:
        failures.append(f"visitor {number}: {error!r}")


def main() -> None:
    """Hold sessions twice on a dashboard, and print its memory before, between and after."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", required=True)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    with dashboard(Home(Path(options.home)), Path("/dev/null")) as (address, server):
        print(f"before: {memory(server):.0f} MB")
        for number in (1, 2):
            failures = hold(address, options.visitors, options.seconds)
            held_mb = memory(server)
            time.sleep(FORGOTTEN)
            print(
                f"round {number}: {held_mb:.0f} MB held, {memory(server):.0f} MB left behind, failures: {failures or 0}"
            )


FORGOTTEN = 30.0
"""Seconds after which Streamlit forgets a closed session."""


if __name__ == "__main__":
    main()
