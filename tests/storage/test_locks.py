import os
import signal
import time

import pytest

from mammo.errors import MammoError
from mammo.processes.parallel import ordered_map
from mammo.storage.locks import LOCK, folder_lock

HOLDER = """
import sys, time
from pathlib import Path
from mammo.storage.locks import folder_lock
with folder_lock(Path(sys.argv[1]), "extracting"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_in_a_place_that_cannot_be_written_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MammoError, match="^Cannot write"), folder_lock(tmp_path / "file" / "below", "extracting"):
        pytest.fail("the lock was taken")


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
    """Lock a folder many times and work in it alone; return how often the lock was free."""
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
