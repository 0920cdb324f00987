"""The gate before every request: it refuses foreign host names, hides the metrics and adds security headers."""

import os
from typing import Any

from streamlit import config

from pages.serving.hosts import host_is_ours, origin_is_ours

Scope = dict[str, Any]
FRAMES = "MAMMO_ALLOW_FRAMES"
"""The environment variable that lists further origins which may show the dashboard in a frame."""
REFUSED = "This server does not go by this name. If it should, start it with: mammo serve --public-address NAME\n"
CLOSED = "The metrics are not open to visitors.\n"


class Gate:
    """ASGI middleware around all requests, those of pages and of websockets."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.headers = security_headers(os.environ.get(FRAMES, ""))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Refuse a request under a foreign host name, or pass it on and add the headers to the answer."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                sent = {name.lower() for name, _ in message.get("headers", [])}
                missing = [(name, value) for name, value in self.headers if name not in sent]
                message = {**message, "headers": [*message.get("headers", []), *missing]}
            await send(message)

        path = scope["path"].rstrip("/")
        if not path.endswith("/_stcore/health") and not _is_allowed(scope):
            await _refuse(scope, send_with_headers)
        elif path.endswith("/_stcore/metrics"):
            await answer(send_with_headers, 404, CLOSED)
        else:
            await self.app(scope, receive, send_with_headers)


def security_headers(frames: str) -> list[tuple[bytes, bytes]]:
    """The headers of every answer; `frames` lists the origins that may show it in a frame, separated by spaces."""
    policy = f"frame-ancestors 'self' {frames}".strip() + "; object-src 'none'; base-uri 'self'"
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        **({} if frames.strip() else {"x-frame-options": "SAMEORIGIN"}),
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def answer(send: Any, status: int, text: str, kind: str = "text/plain", **extra_headers: str) -> None:
    """Send a complete answer; `extra_headers` are further headers, with `_` for `-`."""
    body = text.encode()
    headers = {"content-type": f"{kind}; charset=utf-8", "content-length": str(len(body)), **extra_headers}
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def relative_path(path: str) -> str | None:
    """The part of a path after the base path; None where the path lies outside the base path."""
    base = base_path()
    if path == base:
        return ""
    return path.removeprefix(f"{base}/") if path.startswith(f"{base}/") else None


def base_path() -> str:
    """The prefix of all paths of this server: empty, or `/` and some words."""
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def _is_allowed(scope: Scope) -> bool:
    """Whether a request names this server, and, for a websocket, comes from one of its own pages."""
    sent = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = sent.get(b"host")
    return host_is_ours(host) and (scope["type"] == "http" or origin_is_ours(sent.get(b"origin"), host))


async def _refuse(scope: Scope, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(send, 403, REFUSED)
