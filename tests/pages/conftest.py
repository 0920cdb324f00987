"""A real server and a real Chromium; where there is none, the tests say so loudly, or fail if they are required."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import browser as serving
from mammo.specs import Home

PUBLIC_NAME = "mammo.example.org"
"""The name of the documentation's server, which is this machine's own to the browser."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if serving.chromium() is None:
        reason = (
            "NO CHROMIUM: the dashboard is not tested. Install Debian's chromium or run `playwright install chromium`."
        )
        if os.environ.get("MAMMO_REQUIRE_BROWSER"):
            pytest.fail(reason)
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    with serving.browser(f"--host-resolver-rules=MAP {PUBLIC_NAME} 127.0.0.1") as launched:
        yield launched


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
    page.wait_for_function(serving.READY)


@contextmanager
def served(browser: Any, home: Home, log: Path) -> Iterator[Site]:
    """A dashboard on a server of its own."""
    with serving.served(home, log) as address:
        yield Site(browser, address, log)


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
    folder = tmp_path_factory.mktemp("empty")
    with served(browser, Home(folder / "home"), folder / "server.log") as site:
        yield site
