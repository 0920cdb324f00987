"""Times in the visitor's own time zone."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st


def local_time(moment: datetime) -> str:
    """A time as text in the visitor's time zone; marked UTC where the browser does not send the zone."""
    zone = visitors_zone(st.context.timezone, st.context.timezone_offset)
    return f"{moment.astimezone(zone):%d %B %Y, %H:%M}{' UTC' if zone is UTC else ''}".lstrip("0")


def visitors_zone(name: str | None, minutes_behind: int | None) -> tzinfo:
    """The time zone that a browser names, else the one by its present distance from UTC, else UTC."""
    try:
        return ZoneInfo(name or "")
    except (KeyError, ValueError, OSError):
        pass
    try:
        return UTC if minutes_behind is None else timezone(timedelta(minutes=-minutes_behind))
    except (TypeError, ValueError, OverflowError):
        return UTC
