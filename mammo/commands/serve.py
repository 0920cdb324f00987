"""`mammo serve`: serve the dashboard."""

from __future__ import annotations

import argparse
import errno
import os
import re
import socket
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from mammo.commands.shared import Commands, add_command, home_of, say
from mammo.errors import MammoError
from mammo.specs import READ_ONLY, Home

APP = Path(__file__).parents[2] / "app.py"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_FILES = 1024
HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)
BASE_PATH = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)
ORIGIN = re.compile(r"https?://[\w.*:\[\]-]+", re.ASCII)
FRAMES, DATA_ROOTS = "MAMMO_ALLOW_FRAMES", "MAMMO_DATA_ROOTS"
"""Environment variables that the pages read, also under `streamlit run app.py`."""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "serve", "serve the dashboard", "mammo serve --port 8501", run)
    add_address(parser)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the options of the dashboard's address and visitors; docs/hosting.md explains them."""
    parser.add_argument("--port", type=int, default=8501, help="the port (default: 8501)")
    parser.add_argument("--address", default="localhost", help="the address to listen on (default: localhost)")
    public = "another name of this server in browsers, such as that of a proxy; may be repeated"
    parser.add_argument("--public-address", metavar="NAME", action="append", default=[], help=public)
    path = "the path under which a proxy shows the dashboard, if the proxy passes it on (default: none)"
    parser.add_argument("--base-path", metavar="PATH", default="", help=path)
    frames = "sites that may show the dashboard in a frame (default: its own site alone)"
    parser.add_argument("--allow-frames", metavar="ORIGIN", nargs="+", default=[], help=frames)
    roots = "a folder of this machine from which visitors may choose weights files, where you serve other people"
    parser.add_argument("--data-root", metavar="DIR", action="append", default=[], help=roots)
    parser.add_argument("--read-only", action="store_true", help="visitors can look at results, and start no work")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    return serve(home_of(arguments), Serving.of(arguments))


@dataclass(frozen=True)
class Serving:
    """The address of the dashboard and its visitors; all further settings are in `.streamlit/config.toml`."""

    address: str = "localhost"
    port: int = 8501
    public: tuple[str, ...] = ()
    base_path: str = ""
    frames: tuple[str, ...] = ()
    data_roots: tuple[str, ...] = ()
    read_only: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Serving:
        """Read the options of `add_address`; raises MammoError where one is not valid."""
        if not 0 < arguments.port < 65536:
            raise MammoError(f"The port must be between 1 and 65535, not {arguments.port}.")
        return cls(
            arguments.address.strip("[]"),
            arguments.port,
            tuple(map(host_name, arguments.public_address)),
            base_path(arguments.base_path),
            tuple(map(origin, arguments.allow_frames)),
            tuple(map(existing_folder, arguments.data_root)),
            arguments.read_only,
        )

    @property
    def hosts(self) -> list[str]:
        """The names that browsers may use: this machine's own, that of the address, and the public ones."""
        own = machine_names() if is_wildcard(self.address) else [self.address]
        return list(dict.fromkeys([*LOOPBACK, *own, *self.public]))

    def options(self) -> list[str]:
        """The options of `streamlit run`."""
        options = {"port": [str(self.port)], "address": [self.address], "allowedHosts": self.hosts}
        sites = [f"[{name}]" if ":" in name else name for name in self.public]
        options["corsAllowedOrigins"] = [f"{scheme}://{site}" for site in sites for scheme in ("https", "http")]
        options["baseUrlPath"] = [self.base_path] if self.base_path else []
        return [f"--server.{name}={value}" for name, values in options.items() for value in values]

    def environment(self, home: Home) -> dict[str, str]:
        """The environment variables that the pages read."""
        variables = {FRAMES: " ".join(self.frames), DATA_ROOTS: os.pathsep.join(self.data_roots)}
        variables |= {READ_ONLY: "1" if self.read_only else ""}
        return {**os.environ, **{name: text for name, text in variables.items() if text}, "MAMMO_HOME": str(home.path)}

    def check_free(self) -> None:
        """Raise MammoError where this address and port cannot be listened on."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        try:
            with socket.socket(family) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((self.address, self.port))
                trial.listen()
        except OSError as error:
            raise MammoError(_bind_error_words(error, self.address, self.port)) from None


def serve(home: Home, serving: Serving) -> int:
    """Replace this process by the server of the dashboard with this home; it does not return.

    Raises MammoError where the port is in use, or where there is no dashboard because the package was installed
    without it.
    """
    if not APP.is_file():
        raise MammoError(f"The dashboard is not at {APP}; run this from a checkout of the project.")
    serving.check_free()
    host = f"[{serving.address}]" if ":" in serving.address else serving.address
    address = f"http://{host}:{serving.port}/{serving.base_path}"
    say(f"The dashboard on {home.path}: {address.rstrip('/')} (end it with Ctrl-C)")
    end_workers()
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(APP.parent)
    command = [sys.executable, "-m", "pages.serving", "run", str(APP), *serving.options()]
    environment = serving.environment(home)
    os.closerange(3, MOST_FILES)
    os.execve(sys.executable, command, environment)


def end_workers() -> None:
    """End the worker processes of earlier work, which else wait for work as long as the server runs.

    Python's own trackers of shared memory clean up and end when the files of this process are closed.
    """
    import psutil

    children = psutil.Process().children(recursive=True)
    workers = [child for child in children if not any("resource_tracker" in word for word in child.cmdline())]
    for worker in workers:
        worker.terminate()
    psutil.wait_procs(workers, timeout=5)


def machine_names() -> list[str]:
    """The names and addresses of this machine in its networks, in lower case."""
    import psutil

    addresses = [each.address.partition("%")[0] for card in psutil.net_if_addrs().values() for each in card]
    names = [socket.gethostname(), socket.getfqdn()]
    return [name.lower() for name in [*names, *addresses] if HOST_NAME.fullmatch(name) or is_address(name)]


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_wildcard(address: str) -> bool:
    """Whether an address stands for all addresses of this machine."""
    return is_address(address) and ip_address(address).is_unspecified


def host_name(text: str) -> str:
    """The name of a server without scheme, port and path; raises MammoError where the text has none."""
    bare = text.strip().partition("://")[2] or text.strip()
    bare = bare.rstrip("/.")
    if not is_address(bare):
        bare = re.sub(r":\d+$", "", bare).strip("[]")
    if not (HOST_NAME.fullmatch(bare) or is_address(bare)):
        raise MammoError(f"--public-address takes a name such as mammo.example.org, not {text!r}.")
    return bare.lower()


def base_path(text: str) -> str:
    """A path without slashes around it; raises MammoError where it is not valid."""
    bare = text.strip().strip("/")
    if bare and not BASE_PATH.fullmatch(bare):
        raise MammoError(f"--base-path takes a path of plain letters such as /mammo, not {text!r}.")
    return bare


def origin(text: str) -> str:
    """An origin in the form of HTTP headers; raises MammoError where the text is no origin."""
    if not ORIGIN.fullmatch(text.rstrip("/")):
        raise MammoError(f"--allow-frames takes origins such as https://wiki.example.org, not {text!r}.")
    return text.rstrip("/")


def existing_folder(text: str) -> str:
    """The absolute path of a folder; raises MammoError where it does not exist."""
    if not Path(text).is_dir():
        raise MammoError(f"--data-root takes a folder of this machine, and {text!r} is none.")
    return str(Path(text).resolve())


def _bind_error_words(error: OSError, address: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken, perhaps by another dashboard: end that, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that you do not have: choose one from 1024 on with --port."
    return f"This machine cannot listen on the address {address!r}: use localhost, 0.0.0.0 or one of its own addresses."
