"""Memory that pages were done with goes back to the machine: the C library keeps it for itself otherwise.

Pages run in threads, each with a pool of memory of its own that grows and is never given up (glibc); after fifty
visitors a server kept some hundred megabytes that nobody used.
"""

import ctypes
import sys
import threading
import time

POOLS = 2
"""How many pools of memory the threads of pages share."""
EVERY = 15.0
"""Seconds between two times at which free memory is given back; it takes a few milliseconds."""
M_ARENA_MAX = -8
"""The option of glibc's mallopt that bounds the pools."""


def give_memory_back() -> None:
    """Bound the pools, and give free memory back now and then; where the C library cannot, nothing is done."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "malloc_trim"):
        return
    library.mallopt(M_ARENA_MAX, POOLS)
    threading.Thread(target=_keep_giving, args=(library,), name="memory", daemon=True).start()


def _keep_giving(library: ctypes.CDLL) -> None:
    while True:
        time.sleep(EVERY)
        library.malloc_trim(0)
