import os
import resource
import signal
import subprocess
import sys

import pytest

from mammo.errors import MammoError
from mammo.storage.atomic_files import atomic_file, remove_partial_files, write_bytes, write_text
from mammo.storage.json_files import read_json, write_json

KILLED_WRITER = """
import sys, time
from pathlib import Path
from mammo.storage.atomic_files import atomic_file
with atomic_file(Path(sys.argv[1])) as stream:
    stream.write(b"new" * 10000)
    stream.flush()
    print("writing", flush=True)
    time.sleep(60)
"""

LIMITED_WRITER = """
import sys
import time
from pathlib import Path
from mammo.errors import MammoError
from mammo.storage.atomic_files import write_bytes
try:
    write_bytes(Path(sys.argv[1]), b"x" * 100_000)
except MammoError as error:
    print(error)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_can_be_read(tmp_path):
    write_bytes(tmp_path / "deep" / "er" / "a", b"\0\1")
    write_text(tmp_path / "b", "é\n")
    write_json(tmp_path / "c", {"b": 1, "a": [1.5, None]})
    assert (tmp_path / "deep" / "er" / "a").read_bytes() == b"\0\1"
    assert (tmp_path / "b").read_text(encoding="utf-8") == "é\n"
    assert read_json(tmp_path / "c", "thing") == {"b": 1, "a": [1.5, None]}
    assert names(tmp_path) == ["b", "c", "deep"]
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(5, "Input/output error")])
def test_a_writer_that_fails_leaves_the_old_content_and_no_litter(tmp_path, error):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises((type(error), MammoError)), atomic_file(path) as stream:
        stream.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.faults("SIGKILL in the midst of writing a file", "The old content stays, and what was left is swept")
def test_a_killed_writer_leaves_the_old_content_and_litter_that_is_swept(tmp_path, started):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    process = started(KILLED_WRITER, path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert path.read_bytes() == b"old"
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "0.partial").write_bytes(b"of zarr")
    assert len(names(tmp_path)) == 3
    remove_partial_files(tmp_path)
    assert names(tmp_path) == ["file", "inner"]
    assert names(tmp_path / "inner") == []


def test_sweeping_a_folder_that_is_not_there_is_no_error(tmp_path):
    remove_partial_files(tmp_path / "none")
    assert names(tmp_path) == []


@pytest.mark.faults("The disk is full while a file is written", "A sentence says so, and the old content stays")
def test_a_full_disk_is_said_plainly_and_keeps_what_was_there(small_disk):
    disk = small_disk(kilobytes=64)
    write_bytes(disk / "file", b"old")
    with pytest.raises(MammoError, match=r"^The disk is full: cannot write .+ Free some space"):
        write_bytes(disk / "file", b"x" * 100_000)
    assert (disk / "file").read_bytes() == b"old"
    assert names(disk) == ["file"]


def test_a_file_that_grows_beyond_its_limit_is_said_plainly(tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    command = [sys.executable, "-c", LIMITED_WRITER, str(tmp_path / "file")]
    process = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=True)
    assert process.stdout.startswith("Cannot write ")
    assert "File too large" in process.stdout
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["file/below", "/proc/mammo/x", "folder"])
def test_a_place_that_cannot_be_written_is_said_plainly(tmp_path, path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(MammoError, match=r"^Cannot write .+: .+\. Choose a folder"):
        write_bytes(tmp_path / path, b"x")
    assert names(tmp_path) == ["file", "folder"]


def test_a_failed_write_leaves_no_new_folder(tmp_path):
    with pytest.raises(KeyError), atomic_file(tmp_path / "a" / "b" / "c"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
