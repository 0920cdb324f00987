"""`python -m pages.serving run app.py …`: Streamlit's command line, which a signal ends at once, quietly and with 0.

Streamlit by itself reports an interrupt as an error, and waits for every page that is still at work.
"""

import os
import signal
import sys
import threading

import psutil
from streamlit.web.cli import main


def end(_number: int, _frame: object) -> None:
    """End this process; the server, which hears of the signal first, has closed its port and its connections by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def collect() -> None:
    """Take leave of the processes that this one had before it became a server, so that none of them stays a zombie."""
    for child in psutil.Process().children():
        threading.Thread(target=child.wait, daemon=True).start()


if __name__ == "__main__":
    collect()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    main(prog_name="streamlit")
