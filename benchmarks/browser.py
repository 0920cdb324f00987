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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    environment = {**os.environ, "MAMMO_HOME": str(home.path)}
    with log.open("wb") as stream:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
    try:
        address = f"http://127.0.0.1:{port}/"
        _until_up(server, address + "_stcore/health", log)
        yield address
    finally:
        server.terminate()
        server.wait(20)


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
def browser() -> Iterator[Any]:
    """A Chromium of this machine, without a window."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET)
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
    """Wait until the script has said its last word."""
    page.wait_for_function(READY)
