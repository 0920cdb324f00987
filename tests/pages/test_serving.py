"""The server: who may call it and how, what every answer carries, and how it begins and ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchmarks.browser import free_port, running, served
from benchmarks.sessions import dashboard, visit
from mammo.commands.serve import Serving, base_path, host_name, origin
from mammo.errors import MammoError
from mammo.specs import Home

ROOT = Path(__file__).parents[2]
REBINDING = "a foreign site points its name at this machine (DNS rebinding)"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def get(address, **headers):
    """What a server answers, redirects not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=20) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read().decode())


@pytest.fixture(scope="module", params=["mammo serve", "streamlit run"])
def address(request, tmp_path_factory):
    """The dashboard, served in either way."""
    folder = tmp_path_factory.mktemp("served")
    if request.param == "mammo serve":
        with dashboard(Home(folder / "home"), folder / "log") as (address, _):
            yield address
    else:
        with served(Home(folder / "home"), folder / "log") as address:
            yield address


def handshake(address, **headers):
    """The status with which a server answers who wants to open the websocket: 101 where it opens."""
    parts = urlsplit(address)
    usual = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
    }
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    line.putrequest("GET", parts.path + "_stcore/stream", skip_host=True, skip_accept_encoding=True)
    for name, value in {**usual, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **headers}.items():
        line.putheader(name, value)
    line.endheaders()
    with line.getresponse() as answer:
        status = answer.status
    line.close()
    return status


@pytest.mark.faults(REBINDING, "the websocket and every page are refused")
def test_foreign_names_are_refused(address):
    port = urlsplit(address).port
    for name in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "evil.example/", "[::1].evil", ""):
        host = f"{name}:{port}"
        assert handshake(address, Host=host, Origin=f"http://{host}") == 403, host
        assert handshake(address, Host=host) == 403
        assert get(address + "data", Host=host).status == get(address + "manifest.json", Host=host).status == 403
    for site in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "["):
        assert handshake(address, Origin=f"http://{site}") == 403, site
    assert handshake(address, Origin="null") == 403
    assert get(address + "_stcore/health", Host="10.1.2.3").body == "ok"


def test_own_names_are_answered(address):
    port = urlsplit(address).port
    for name in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]", "localhost."):
        for host in (name, f"{name}:{port}"):
            assert handshake(address, Host=host) == handshake(address, Host=host, Origin=f"http://{host}") == 101
            assert get(address + "data", Host=host).status == 200
    with visit(address, origin=f"http://localhost:{port}") as visitor:
        assert "There is no data set yet" in "".join(visitor.open("data").boxes)


def test_every_answer_has_its_headers(address):
    for path in ("data", "nonsense", "favicon.png", "_stcore/health", "_stcore/metrics", "_stcore/host-config"):
        answer = get(address + path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'self';" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"
    assert get(address + "_stcore/metrics").status == 404


def test_an_address_without_a_page_leads_home(address):
    for path, home in (("nonsense", "./"), ("a/b", "../"), ("data/x?y=1", "../"), ("sweeps", "./")):
        answer = get(address + path)
        assert answer.status == 404 and "There is no such page" in answer.body
        assert f'href="{home}"' in answer.body
    assert get(address + "data/?a=b").headers["location"] == "../data?a=b"


OPTIONS = """
import json, sys
from streamlit import config
from streamlit.web import bootstrap, cli
effective = []
def note(*_):
    effective.append({name: (option.value, option.where_defined != "<default>") for name, option in
                      config.get_config_options().items() if name != "server.cookieSecret"})
bootstrap.run_asgi_app = note
for arguments in json.loads(sys.argv[1]):
    cli.main(["run", "app.py", *arguments], standalone_mode=False)
print(json.dumps(effective))
"""


def test_streamlit_alone_serves_as_mammo_does():
    both = json.dumps([[], Serving().options()])
    done = subprocess.run([sys.executable, "-c", OPTIONS, both], cwd=ROOT, capture_output=True, text=True, check=True)
    alone, ours = json.loads(done.stdout)
    assert alone == ours
    expected = {
        "server.address": "localhost",
        "server.allowedHosts": ["localhost", "127.0.0.1", "::1"],
        "client.showErrorDetails": "none",
        "browser.gatherUsageStats": False,
    }
    assert {name: alone[name][0] for name in expected} == expected
    assert alone["server.maxUploadSize"][0] <= 5


@pytest.mark.faults("the server is told to end, or interrupted", "all that it started ends, its port is free at once")
def test_a_server_ends_and_begins_again_on_its_port(home, tmp_path):
    port = free_port()
    command = ["mammo", "serve", "--port", str(port)]
    with running(command, home, f"http://127.0.0.1:{port}/") as server:
        second = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        assert second.returncode == 2 and f"Port {port} is taken" in second.stderr
        ends(server, signal.SIGTERM, f"http://127.0.0.1:{port}/")
    base = f"http://127.0.0.1:{port}/some/mammo/"
    with running([*command, *PUBLIC], home, base, tmp_path / "log") as server:
        is_public(base, (tmp_path / "log").read_text())
        ends(server, signal.SIGINT, base)


def ends(server, number, address):
    """A signal ends a server that somebody visits, and what it started; its port is free."""
    with contextlib.ExitStack() as opened:
        opened.enter_context(visit(address)).open("data")
        started = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(number)
        assert server.wait(20) == 0
        assert not [child for child in started if child.is_running()]
        with socket.create_server(("127.0.0.1", urlsplit(address).port)):
            pass


PUBLIC = ["--public-address", "https://Mammo.example.org/", "--base-path", "/some/mammo/"]
PUBLIC += ["--allow-frames", "https://wiki.example.org", "--read-only"]


def is_public(base, log):
    """A server goes by its public name, under its path, in frames of one site, to look at; it says so at the start."""
    policy = get(base + "data").headers["content-security-policy"]
    assert "frame-ancestors 'self' https://wiki.example.org;" in policy
    port = urlsplit(base).port
    for headers in ({"host": "mammo.example.org"}, {}, {"host": f"MAMMO.example.org:{port}"}):
        with visit(base, origin="https://mammo.example.org", **headers) as visitor:
            assert "looking only" in "".join(visitor.open("sweep").boxes)
    assert handshake(base, Host="example.org", Origin="https://example.org") == 403
    assert get(base.rstrip("/")).headers["location"] == "mammo/"
    outside = get(f"http://127.0.0.1:{port}/elsewhere")
    assert outside.status == 404 and 'href="/some/mammo/"' in outside.body
    assert "can start nothing" in log and "mammo.example.org" in log


@pytest.mark.nightly
@pytest.mark.faults("the server of a demo is told to end", "all that it started ends, and its port is free at once")
def test_a_demos_server_ends_too(tmp_path):
    port = free_port()
    command = ["mammo", "demo", "--images", "40", "--trunk", "vgg16-mini", "--port", str(port)]
    with running(command, Home(tmp_path / "home"), f"http://127.0.0.1:{port}/", tmp_path / "log") as server:
        end = time.monotonic() + 10
        while (left := psutil.Process(server.pid).children(recursive=True)) and time.monotonic() < end:
            time.sleep(0.2)
        assert not left
        server.terminate()
        assert server.wait(20) == 0
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_names_of_a_server():
    assert host_name("https://Mammo.Example.org:8443/") == host_name("mammo.example.org") == "mammo.example.org"
    assert host_name("[2001:db8::1]:80") == host_name("2001:db8::1") == "2001:db8::1"
    assert host_name("*.example.org") == "*.example.org"
    for wrong in ("", "*", "a b", "a/b", "http://a/b", "-a", "a..b", "*.*"):
        with pytest.raises(MammoError, match="--public-address"):
            host_name(wrong)
    assert base_path("/a/b/") == "a/b" and base_path("/") == ""
    for wrong in ("a b", "a?b", "a//b", "../ä"):
        with pytest.raises(MammoError, match="--base-path"):
            base_path(wrong)
    assert origin("https://wiki.example.org/") == "https://wiki.example.org"
    for wrong in ("wiki.example.org", "https://a b", "https://a; script-src *", "*"):
        with pytest.raises(MammoError, match="--allow-frames"):
            origin(wrong)
    everywhere = Serving("0.0.0.0", public=("mammo.example.org",)).hosts
    assert {"localhost", "127.0.0.1", "::1", socket.gethostname().lower(), "mammo.example.org"} <= set(everywhere)
    assert "0.0.0.0" not in everywhere
    assert Serving("192.0.2.1").hosts == ["localhost", "127.0.0.1", "::1", "192.0.2.1"]
    with pytest.raises(MammoError, match="cannot listen on the address '192.0.2.1'"):
        Serving("192.0.2.1", free_port()).check_free()


def test_the_environment_says_what_streamlit_has_no_option_for(home):
    serving = Serving(frames=("https://a.org", "https://b.org"), data_roots=("/a", "/b"), read_only=True)
    environment = serving.environment(home)
    assert environment["MAMMO_ALLOW_FRAMES"] == "https://a.org https://b.org" and environment["MAMMO_READ_ONLY"] == "1"
    assert environment["MAMMO_DATA_ROOTS"] == os.pathsep.join(["/a", "/b"]) and environment["MAMMO_HOME"] == str(
        home.path
    )
    assert "MAMMO_READ_ONLY" not in Serving().environment(home)
