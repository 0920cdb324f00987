"""`python -m pages.serving run app.py …`: Streamlit's command line, which ends at once on a signal, with exit status 0.

Streamlit by itself reports an interrupt as an error and waits for every page that still runs.
"""

import os
import signal
import sys
import threading

import psutil
from streamlit.web.cli import main


def end(_number: int, _frame: object) -> None:
    """End this process; the server gets the signal first and has closed its port and its connections by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def reap_children() -> None:
    """Wait for the children that this process had before it became a server, so that none stays a zombie."""
    for child in psutil.Process().children():
        threading.Thread(target=child.wait, daemon=True).start()


if __name__ == "__main__":
    reap_children()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    main(prog_name="streamlit")
