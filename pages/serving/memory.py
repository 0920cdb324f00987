"""Gives the memory that pages no longer use back to the machine; the C library would keep it.

Pages run in threads. In glibc each thread has its own pool of memory, which grows and is never released; after fifty
visitors a server held some hundred megabytes of unused memory.
"""

import ctypes
import sys
import threading
import time

POOLS = 2
"""The number of memory pools that the threads of all pages share."""
INTERVAL = 15.0
"""Seconds between two releases of free memory; one takes a few milliseconds."""
M_ARENA_MAX = -8
"""The option of glibc's `mallopt` that limits the number of pools."""


def give_memory_back() -> None:
    """Limit the pools and release free memory regularly; do nothing where the C library cannot."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "malloc_trim"):
        return
    library.mallopt(M_ARENA_MAX, POOLS)
    threading.Thread(target=_release_regularly, args=(library,), name="memory", daemon=True).start()


def _release_regularly(library: ctypes.CDLL) -> None:
    while True:
        time.sleep(INTERVAL)
        library.malloc_trim(0)
