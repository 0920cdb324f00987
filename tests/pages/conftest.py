"""A real server and a real Chromium; where there is none, the tests say so loudly, or fail if they are required."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mammo.specs import Home

ROOT = Path(__file__).parents[2]
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
READY = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') === 'notRunning'"


def chromium() -> str | None:
    """A Chromium's path: `$MAMMO_CHROMIUM`, the system's, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    for name in (os.environ.get("MAMMO_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    if path is None:
        reason = (
            "NO CHROMIUM: the dashboard is not tested. Install Debian's chromium or run `playwright install chromium`."
        )
        if os.environ.get("MAMMO_REQUIRE_BROWSER"):
            pytest.fail(reason)
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield launched
        launched.close()


@dataclass
class Site:
    """A running dashboard, visited in sessions of its own."""

    browser: Any
    address: str
    log: Path

    @contextmanager
    def visit(self, path: str, width: int = 1400) -> Iterator[Any]:
        """Open one address in a fresh browser session, and wait until the page stands."""
        context = self.browser.new_context(viewport={"width": width, "height": 900})
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(self.address + path)
        settle(page)
        yield page
        context.close()

    def faults(self) -> list[str]:
        """What the server's log tells of exceptions."""
        return [line for line in self.log.read_text().splitlines() if "Uncaught" in line or "Error" in line]


def settle(page: Any) -> None:
    """Wait until the title is there and the script has run to its end."""
    page.locator("h1").first.wait_for()
    page.wait_for_function(READY)


@contextmanager
def served(browser: Any, home: Home, log: Path) -> Iterator[Site]:
    """A dashboard on a server of its own."""
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
        until_up(server, address + "_stcore/health", log)
        yield Site(browser, address, log)
    finally:
        server.terminate()
        server.wait(20)


def until_up(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the dashboard did not start: {log.read_text()}")


@pytest.fixture
def fresh(browser: Any, tmp_path: Path) -> Callable[[Home], Any]:
    """Start a fresh server on a home: `with fresh(home) as site`."""
    return lambda home: served(browser, home, tmp_path / "server.log")


@pytest.fixture(scope="session")
def demo(browser: Any, demo_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The dashboard on the demo's home, for tests that only look."""
    with served(browser, demo_home, tmp_path_factory.mktemp("dashboard") / "server.log") as site:
        yield site


@pytest.fixture(scope="session")
def empty(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The dashboard on a home that does not exist yet."""
    place = tmp_path_factory.mktemp("empty")
    with served(browser, Home(place / "home"), place / "server.log") as site:
        yield site
