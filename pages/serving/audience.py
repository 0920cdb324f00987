"""Who can reach this server and what visitors may do: printed once at the start."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamlit import config

from mammo.specs import Home
from pages.serving.hosts import serves_others
from pages.serving.memory import give_memory_back

CAN_START = (
    "Others can open this dashboard, and there is no login: they can start and cancel jobs, which take this machine's "
    "processors and memory and write under {home}. --read-only lets them look only."
)
CAN_LOOK = "Others can open this dashboard, and there is no login: they see all of {home}, and can start nothing."


def start_notes() -> list[str]:
    """Sentences for the person who starts the server; none where it serves this machine alone."""
    if not serves_others():
        return []
    home = Home.default()
    names = ", ".join(config.get_option("server.allowedHosts")) or "none but this machine's own"
    return [(CAN_LOOK if home.read_only else CAN_START).format(home=home.path), f"It answers to the names: {names}."]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """The lifespan of the server: print the notes of its start, and begin to give memory back."""
    for sentence in start_notes():
        print(sentence, file=sys.stderr)
    give_memory_back()
    yield None
