"""A dashboard on a server of its own, and a real browser that visits it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammo.specs import Home

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]
STATE = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state')"
READY, RUNNING = f"{STATE} === 'notRunning'", f"{STATE} === 'running'"


@contextmanager
def served(home: Home, log: Path = Path(os.devnull)) -> Iterator[str]:
    """The address of a dashboard on a server of its own that writes to `log`; raises RuntimeError where none starts."""
    port = free_port()
    command = ["streamlit", "run", "app.py", f"--server.port={port}", "--server.address=127.0.0.1"]
    with running(command, home, f"http://127.0.0.1:{port}/", log):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def running(
    command: list[str], home: Home, address: str, log: Path = Path(os.devnull)
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, `python -m COMMAND`, from when it answers at `address`; raises RuntimeError where it never does."""
    environment = {**os.environ, "MAMMO_HOME": str(home.path)}
    with log.open("wb") as stream:
        full_command = [sys.executable, "-m", *command]
        server = subprocess.Popen(full_command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
    try:
        _until_up(server, address + "_stcore/health", log)
        yield server
    finally:
        server.terminate()
        server.wait(20)


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _until_up(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not start: {log.read_text()}")


def chromium() -> str | None:
    """A Chromium's path: `$MAMMO_CHROMIUM`, the system's, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    for name in (os.environ.get("MAMMO_CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@contextmanager
def browser(*options: str) -> Iterator[Any]:
    """A Chromium of this machine, without a window."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=[*QUIET, *options])
        yield launched
        launched.close()


@contextmanager
def visit(running: Any) -> Iterator[Any]:
    """A page in a session of its own."""
    context = running.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


def settle(page: Any) -> None:
    """Wait until the page's script has ended."""
    page.wait_for_function(READY)
