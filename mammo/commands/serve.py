"""`mammo serve`: the dashboard."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from mammo.commands.shared import Commands, add_command, home_of, say
from mammo.errors import MammoError
from mammo.specs import Home

APP = Path(__file__).parents[2] / "app.py"


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "serve", "serve the dashboard", "mammo serve --port 8501", run)
    add_address(parser)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the dashboard is served."""
    parser.add_argument("--port", type=int, default=8501, help="the port (default: 8501)")
    parser.add_argument("--address", default="localhost", help="the address to listen on (default: localhost)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    return serve(home_of(arguments), arguments.address, arguments.port)


def serve(home: Home, address: str, port: int) -> int:
    """Run streamlit on the dashboard with this home; returns its exit code.

    Raises MammoError where there is no such port, or no dashboard, as when the package was installed without it.
    """
    if not APP.is_file():
        raise MammoError(f"The dashboard is not at {APP}; run this from a checkout of the project.")
    if not 0 < port < 65536:
        raise MammoError(f"The port must be between 1 and 65535, not {port}.")
    say(f"The dashboard on {home.path}: http://{address}:{port} (end it with Ctrl-C)")
    options = ["--server.port", str(port), "--server.address", address, "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *options]
    try:
        return subprocess.call(command, env={**os.environ, "MAMMO_HOME": str(home.path)}, cwd=APP.parent)
    except KeyboardInterrupt:
        return 0
