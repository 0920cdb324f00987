import json

from mammo.storage.digests import digest_bytes, digest_file, digest_json


def test_digests_are_sha256(tmp_path):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "file").write_bytes(b"")
    assert digest_bytes(b"") == digest_file(tmp_path / "file") == empty
    assert digest_json({"b": 1, "a": 2}) == digest_json(json.loads('{"a": 2, "b": 1}'))
    assert digest_json({"a": 1}) != digest_json({"a": 2})
