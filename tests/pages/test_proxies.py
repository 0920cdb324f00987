"""The proxies of docs/hosting.md, as they stand there, before a real server."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import browser as serving
from tests.pages.conftest import PUBLIC_NAME

pytestmark = [pytest.mark.nightly, pytest.mark.browser]

DOC = Path(__file__).parents[2] / "docs" / "hosting.md"
BLOCKS = re.findall(r"```(nginx|caddyfile)\n(.*?)```", DOC.read_text(), re.DOTALL)
NGINX = """
{user}
daemon off;
pid {place}/pid;
error_log {place}/log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    {block}
}}
"""


def nginx(folder, block, port, behind):
    """The command that runs nginx with a block of the documentation, on a port of the test's."""
    block = block.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(":8501", f":{behind}")
    user = "user root;" if os.geteuid() == 0 else ""  # another could not write what it buffers into a test's folder
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, block=block, user=user))
    return ["nginx", "-e", str(folder / "log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddyfile(folder, block, port, behind):
    """The same for Caddy; TLS is left out."""
    block = block.replace(f"{PUBLIC_NAME} {{", f"http://{PUBLIC_NAME}:{port} {{").replace(":8501", f":{behind}")
    (folder / "Caddyfile").write_text("{\n    admin off\n    auto_https off\n}\n" + block)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def proxied(home, folder, kind, block):
    """A server with the options that the block names, and the proxy before it; the port of the proxy."""
    command = shlex.split(block.splitlines()[0].removeprefix("# "))
    port, behind = serving.free_port(), serving.free_port()
    base = f"http://127.0.0.1:{behind}{'/mammo/' if '--base-path' in command else '/'}"
    with serving.running([*command, "--port", str(behind)], home, base, folder / "server"):
        proxy = subprocess.Popen({"nginx": nginx, "caddyfile": caddyfile}[kind](folder, block, port, behind))
        try:
            until_up(port)
            yield port
        finally:
            proxy.terminate()
            proxy.wait(20)


def until_up(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the proxy does not answer")


@pytest.mark.parametrize(("kind", "block"), BLOCKS, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(BLOCKS)])
@pytest.mark.faults(
    "The dashboard stands behind a proxy, under a prefix", "Links, websocket, pictures and reloads work as documented"
)
def test_a_proxy_of_the_documentation_passes_everything_on(browser, demo_home, tmp_path, kind, block):
    program = {"nginx": "nginx", "caddyfile": "caddy"}[kind]
    if not shutil.which(program):
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(f"NO {program.upper()}: docs/hosting.md is not tested with it.", stacklevel=1)
        pytest.skip(f"{program} is not installed")
    path = "/mammo/" if "/mammo" in block else "/"
    login = {"username": "reader", "password": "mammo"} if "basicauth" in block else None
    with proxied(demo_home, tmp_path, kind, block) as port:
        context = browser.new_context(http_credentials=login)
        page = context.new_page()
        page.set_default_timeout(60_000)
        failed = []
        page.on("response", lambda answer: failed.append((answer.status, answer.url)) if answer.status >= 400 else None)
        page.on("console", lambda message: failed.append(message.text) if message.type == "error" else None)
        walk(page, f"http://{PUBLIC_NAME}:{port}{path}", failed)
        context.close()


def walk(page, base, failed):
    """A link to a page, its pictures, a reload, another page, the bare path, a slash too many, and no such page."""
    page.goto(base + "data?label=Malignant")
    stands(page, "Data")
    pictures(page)
    page.reload()
    stands(page, "Data")
    pictures(page)
    assert page.url == base + "data?label=Malignant"
    page.get_by_role("link", name="Compare").click()
    page.wait_for_url(base + "compare*")
    stands(page, "Compare")
    page.goto(base.rstrip("/"))
    page.wait_for_url(base + "data")
    stands(page, "Data")
    page.goto(base + "inspect/?rule=half")
    stands(page, "Inspect")
    page.wait_for_url(base + "inspect?rule=Probability+0.5")
    assert not failed
    page.goto(base + "nonsense/here")
    stands(page, "There is no such page")
    page.get_by_role("link", name="To the dashboard").click()
    page.wait_for_url(base + "data")
    stands(page, "Data")


def stands(page, title):
    page.locator("h1", has_text=title).wait_for()


def pictures(page):
    page.locator("img").nth(11).wait_for()
    page.wait_for_function("[...document.images].length == 12 && [...document.images].every(one => one.naturalWidth)")
