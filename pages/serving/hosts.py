"""By which names this server may be called, and whether others than this machine's user can call it.

A page of a foreign site can point its own name at this machine (DNS rebinding) or open a websocket across sites: the
browser then tells the foreign name in `Host` or `Origin`, which is how it is known.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from streamlit import config
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s]+)(:[0-9]*)?", re.IGNORECASE)
"""A name, an IPv4 address, or an IPv6 address in brackets, and perhaps a port."""


def host_is_ours(host: str | None) -> bool:
    """Whether a `Host` header names this server, by any port; where no names are set it goes by those of loopback."""
    if not HOST.fullmatch(host or ""):
        return False
    if config.get_option("server.allowedHosts"):
        return is_host_allowed(host)
    return _hostname(f"//{host}") in LOOPBACK


def origin_is_ours(origin: str | None, host: str | None) -> bool:
    """Whether an `Origin` header names the site that is called, or one that it is known by behind a proxy.

    Programs that are no browser send none. A page of another port of this machine counts as this machine's.
    """
    if origin is None:
        return True
    if _netloc(origin) == (host or "").lower():
        return True
    known = {_hostname(known) for known in config.get_option("server.corsAllowedOrigins")}
    if _hostname(f"//{host}") in LOOPBACK:
        known |= {"localhost", "127.0.0.1"}
    return _hostname(origin) in known - {None}


def serves_others() -> bool:
    """Whether this server listens to more than this machine, or has a name that others call it by."""
    names = [config.get_option("server.address") or "0.0.0.0", *config.get_option("server.allowedHosts")]
    return not all(is_loopback(name) for name in names)


def is_loopback(name: str) -> bool:
    """Whether a name or an address is this machine's alone."""
    bare = name.strip("[]").rstrip(".").lower()
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"


def _hostname(address: str) -> str | None:
    """The host of an address without its port; None where it has none that makes sense."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".") or None
    except ValueError:
        return None


def _netloc(origin: str) -> str | None:
    """Host and port of an origin; None where it is no address."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
