"""The answer to an address: Streamlit's empty page, which the script then fills, or an error page.

Streamlit by itself answers every address with its empty page. That page then guesses where the server is, with two
requests that fail on every link to a page, and for a wrong address it shows a dialog on the first page.
"""

import html
from pathlib import Path
from typing import Any

from streamlit import file_util

from pages.serving.gate import answer, base_path, relative_path
from pages.serving.navigation import PAGES

STREAMLIT_PATHS = {"static", "media", "component", "_stcore", "app", "auth", "oauth2callback"}
"""The first parts of the paths that belong to Streamlit."""
BACKEND_SCRIPT = (
    '<script>window.__streamlit={BACKEND_BASE_URL:new URL("./",location.href.split(/[?#]/)[0]).href}</script>'
)
"""Tells Streamlit's page where its server is: in the folder of the page, whatever prefix a proxy adds."""
FRESH = {"cache_control": "no-cache"}


class Shell:
    """ASGI middleware that answers requests for pages."""

    def __init__(self, app: Any) -> None:
        self.app = app
        static = Path(file_util.get_static_dir())
        self.files = {entry.name for entry in static.iterdir()}
        empty = (static / "index.html").read_text("utf-8")
        self.empty = empty.replace("<script", f"{BACKEND_SCRIPT}<script", 1).replace(
            "<title>Streamlit", "<title>mammo", 1
        )

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Send a page, redirect from a path with extra slashes, or answer 404; pass Streamlit's own paths on."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        path = relative_path(scope["path"])
        first = (path or "").split("/")[0]
        if path is not None and (first in STREAMLIT_PATHS or path in self.files or "/_stcore/" in path):
            await self.app(scope, receive, send)
        elif path in PAGES or (path == "" and scope["path"].endswith("/")):
            await answer(send, 200, self.empty, "text/html", **FRESH)
        elif (target := _redirect_target(scope["path"], path)) is not None:
            query = scope.get("query_string", b"").decode("latin-1")
            await answer(send, 302, "", location=f"{target}?{query}" if query else target)
        else:
            await answer(send, 404, not_found_page(path), "text/html", **FRESH)


def _redirect_target(full_path: str, path: str | None) -> str | None:
    """The relative address of the page where a path has slashes too many or too few; None where it names no page."""
    if path == "" and not full_path.endswith("/"):
        return full_path.rpartition("/")[2] + "/"
    page = (path or "").rstrip("/")
    return "../" * ((path or "").count("/")) + page if page in PAGES else None


def not_found_page(path: str | None) -> str:
    """The error page for an address without a page, with links to all pages.

    `path` is the requested path after the base path; None where it lies outside the base path.
    """
    home = f"{base_path()}/" if path is None else "../" * path.count("/") or "./"
    links = " ".join(f'<a href="{html.escape(home + name)}">{title}</a>' for name, (title, _) in PAGES.items())
    return PAGE.format(home=html.escape(home), links=links)


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page · mammo</title>
<style>
:root {{ --paper: #fbfaf8; --ink: #22282d; --link: #0f6f7c; color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #0d1114; --ink: #e2e6e8; --link: #6cc7d2; }} }}
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1.25rem; }}
body {{ background: var(--paper); color: var(--ink); }}
h1 {{ font: 600 2.1rem/1.2 serif; }}
a {{ color: var(--link); margin-right: .9rem; display: inline-block; padding: .3rem 0; }}
</style>
</head>
<body>
<h1>There is no such page</h1>
<p>The dashboard has no page at this address. The link may be mistyped, or come from another version.</p>
<p><a href="{home}"><b>To the dashboard</b></a></p>
<p>{links}</p>
</body>
</html>
"""
