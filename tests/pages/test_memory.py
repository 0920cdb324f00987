"""A server's memory goes back to the machine."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, threading
import psutil
from pages.serving import memory

memory.INTERVAL = 0.2
if sys.argv[1] == "yes":
    memory.give_memory_back()
kept = []

def work():
    texts = [bytes(1000) for _ in range(60_000)]
    kept.append(texts[-1])  # the last of them holds the pool open

for thread in [threading.Thread(target=work) for _ in range(4)]:
    thread.start()
    thread.join()
threading.Event().wait(1)
print(psutil.Process().memory_full_info().uss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is meant")
def test_what_pages_were_done_with_goes_back():
    used = {
        way: int(subprocess.run([sys.executable, "-c", SCRIPT, way], capture_output=True, text=True, check=True).stdout)
        for way in ("yes", "no")
    }
    assert used["yes"] < used["no"] - 20e6, used
