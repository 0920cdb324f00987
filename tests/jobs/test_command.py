"""`mammo jobs` from the command line."""

from __future__ import annotations

import json

import pytest

from mammo.cli import main
from mammo.jobs import LOG
from mammo.specs import Home
from mammo.storage.atomic_files import write_text
from tests.jobs.conftest import DONE, REQUEST_RECORD, write_job


def test_jobs_are_listed_logged_and_deleted(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    def output(*words: str, code: int = 0) -> str:
        assert main(["jobs", *words, "--home", str(home.path)]) == code
        shown = capsys.readouterr()
        return shown.out if code == 0 else shown.err

    assert "There are no jobs" in output() and json.loads(output("--json")) == []
    write_job(home, "a", REQUEST_RECORD, DONE | {"seconds": 90.0})
    write_job(home, "b", "{", {"state": "failed", "message": "\x1b[2Jno"})
    write_text(home.job("a") / LOG, "printed\n")
    damaged, done = json.loads(output("--json"))
    assert {"id", "verb", "state", "reason", "dataset", "result"} <= set(damaged)
    assert (damaged["id"], damaged["state"], damaged["verb"], damaged["result"]) == ("b", "damaged", None, None)
    assert "request.json" in damaged["reason"] and "\x1b" not in output()
    assert (done["state"], done["dataset"], done["result"], done["seconds"]) == ("done", "p", "p", 90.0)
    assert "6 synthetic mammograms" in output("a") and output("a", "--log") == "printed\n"
    assert json.loads(output("a", "--log", "--json")) == {"id": "a", "log": ["printed"]}
    assert "mammo jobs ID --delete" in output("--delete", code=2)
    assert json.loads(output("b", "--delete", "--json")) == {"deleted": "b"}
    assert [job["id"] for job in json.loads(output("--json"))] == ["a"]
    assert "no job 'b'" in output("b", code=2)
