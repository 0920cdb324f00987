import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from mammo.errors import MammoError
from mammo.processes.parallel import ordered_map
from mammo.storage.atomic_files import atomic_file, remove_partial_files, write_bytes, write_text
from mammo.storage.digests import digest_bytes, digest_file, digest_json
from mammo.storage.json_files import read_json, write_json
from mammo.storage.locks import LOCK, folder_lock

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

HOLDER = """
import sys, time
from pathlib import Path
from mammo.storage.locks import folder_lock
with folder_lock(Path(sys.argv[1]), "extracting"):
    print("held", flush=True)
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


@pytest.fixture
def started(tmp_path):
    """Start a Python process and wait for its first line; it is killed when the test ends."""
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


def test_content_that_is_no_json_leaves_the_old_content(tmp_path):
    write_json(tmp_path / "file", [1])
    for wrong in (float("nan"), {1, 2}):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "file", wrong)
    assert read_json(tmp_path / "file", "thing") == [1]
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


def test_a_lock_in_a_place_that_cannot_be_written_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MammoError, match="^Cannot write"), folder_lock(tmp_path / "file" / "below", "extracting"):
        pytest.fail("the lock was taken")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1'])
def test_damaged_json_is_said_plainly(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(MammoError, match=r"The thing at .+ cannot be read .+ delete it"):
        read_json(tmp_path / "file", "thing")


def test_missing_json_is_said_plainly(tmp_path):
    with pytest.raises(MammoError, match="There is no thing at"):
        read_json(tmp_path / "none", "thing")


def test_digests_are_sha256(tmp_path):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "file").write_bytes(b"")
    assert digest_bytes(b"") == digest_file(tmp_path / "file") == empty
    assert digest_json({"b": 1, "a": 2}) == digest_json(json.loads('{"a": 2, "b": 1}'))
    assert digest_json({"a": 1}) != digest_json({"a": 2})


@pytest.mark.faults("SIGKILL to a process that holds a lock", "The lock is free at once")
def test_a_folder_is_held_by_one_process_until_it_ends_however_it_ends(tmp_path, started):
    process = started(HOLDER, tmp_path)
    with pytest.raises(MammoError, match="Another process is extracting in"), folder_lock(tmp_path, "extracting"):
        pytest.fail("two processes hold the folder")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with folder_lock(tmp_path, "extracting"):
        pass
    with folder_lock(tmp_path, "extracting"):
        pass


def test_a_folder_that_was_held_and_holds_nothing_is_not_left_behind(tmp_path):
    with folder_lock(tmp_path / "a" / "b", "trying"):
        (tmp_path / "a" / "b" / "empty").mkdir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with pytest.raises(KeyError), folder_lock(tmp_path / "a" / "b", "trying"):
        raise KeyError
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_a_folder_that_was_held_and_filled_stays(tmp_path):
    with pytest.raises(KeyError), folder_lock(tmp_path / "a" / "b", "trying"):
        (tmp_path / "a" / "b" / "begun").touch()
        raise KeyError
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {LOCK, "begun"}


def hold_often(folder):
    """Holds a folder many times, counting in it how many do so at once; how often it was alone."""
    alone, tries = 0, 0
    while tries < 300 or (alone == 0 and tries < 30_000):  # on a busy machine the others may have it for long
        tries += 1
        try:
            with folder_lock(folder, "trying"):
                (folder / "here").mkdir()
                time.sleep(0.0005)
                (folder / "here").rmdir()
                alone += 1
        except MammoError as error:
            assert "Another process is trying" in str(error)
    return alone


def test_a_folder_that_comes_and_goes_is_held_by_one_at_a_time(tmp_path):
    assert min(ordered_map(hold_often, [tmp_path / "a"] * 4, 2, 2)) > 0


def test_a_failed_write_leaves_no_new_folder(tmp_path):
    with pytest.raises(KeyError), atomic_file(tmp_path / "a" / "b" / "c"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
