import subprocess
import sys

import pytest


@pytest.fixture
def started(tmp_path):
    """Return a function that starts a Python process and waits for its first line; the test's end kills it."""
    processes = []

    def start(code, argument):
        command = [sys.executable, "-c", code, str(argument)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
