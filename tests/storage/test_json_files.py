import pytest

from mammo.errors import MammoError
from mammo.storage.json_files import read_json, write_json


def test_content_that_is_no_json_leaves_the_old_content(tmp_path):
    write_json(tmp_path / "file", [1])
    for wrong in (float("nan"), {1, 2}):
        with pytest.raises((ValueError, TypeError)):
            write_json(tmp_path / "file", wrong)
    assert read_json(tmp_path / "file", "thing") == [1]
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1'])
def test_damaged_json_is_said_plainly(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(MammoError, match=r"The thing at .+ cannot be read .+ delete it"):
        read_json(tmp_path / "file", "thing")


def test_missing_json_is_said_plainly(tmp_path):
    with pytest.raises(MammoError, match="There is no thing at"):
        read_json(tmp_path / "none", "thing")
