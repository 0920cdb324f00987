"""The host names that this server answers to, and whether other machines can reach it.

A page of a foreign site can point its own name at this machine (DNS rebinding) or open a websocket across sites. The
browser then sends the foreign name in `Host` or `Origin`, so these headers are checked.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s]+)(:[0-9]*)?", re.IGNORECASE)
"""A name, an IPv4 address, or an IPv6 address in brackets, with or without a port."""


def host_is_ours(host: str | None) -> bool:
    """Whether a `Host` header names this server, on any port; the loopback names count where no others are set."""
    if not HOST.fullmatch(host or ""):
        return False
    if config.get_option("server.allowedHosts"):
        return is_host_allowed(host)
    return _hostname(f"//{host}") in LOOPBACK


def origin_is_ours(origin: str | None, host: str | None) -> bool:
    """Whether an `Origin` header names this server, or a site that a proxy serves it under.

    Programs other than browsers send no such header. A page on another port of this machine counts as this machine's.
    """
    if origin is None:
        return True
    if _netloc(origin) == (host or "").lower():
        return True
    allowed = {_hostname(site) for site in config.get_option("server.corsAllowedOrigins")}
    if _hostname(f"//{host}") in LOOPBACK:
        allowed |= {"localhost", "127.0.0.1"}
    return _hostname(origin) in allowed - {None}


def serves_others() -> bool:
    """Whether other machines can reach this server: by its address, or by a name that it answers to."""
    names = [config.get_option("server.address") or "0.0.0.0", *config.get_option("server.allowedHosts")]
    return not all(is_loopback(name) for name in names)


def is_loopback(name: str) -> bool:
    """Whether a name or an address is a loopback one."""
    bare = name.strip("[]").rstrip(".").lower()
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"


def _hostname(address: str) -> str | None:
    """The host of an address without its port; None where the address has no valid host."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".") or None
    except ValueError:
        return None


def _netloc(origin: str) -> str | None:
    """Host and port of an origin; None where the origin is no valid address."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
