"""Functions in C are compiled where that can be done, and done without elsewhere."""

import pytest

from mammo.heads.bank.kernels import compiled


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_working_compiler_there_is_no_function(monkeypatch, compiler):
    monkeypatch.setenv("CC", compiler)
    compiled.cache_clear()
    try:
        assert compiled("descend") is None
    finally:
        compiled.cache_clear()


def test_a_function_is_compiled_once_a_process():
    assert compiled("descend") is compiled("descend")
