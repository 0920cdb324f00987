"""The Features page takes any model of timm and weights from a file, and says what is missing."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from tests.pages.test_words import PAGES


@pytest.fixture
def page(tiny, monkeypatch):
    monkeypatch.setenv("MAMMO_HOME", str(tiny.path))
    monkeypatch.setattr("mammo.pace.can_measure", lambda: False)  # which would go on in processes of its own
    return AppTest.from_file(PAGES / "features.py", default_timeout=60)


def chosen(page, **asked):
    page.query_params.update(asked)
    return page.run()


def test_weights_from_a_file(page, caplog, tmp_path):
    assert chosen(page, trunk="VGG16", weights="Weights from a file").exception
    assert "MammoError: Name an existing weights file" in caplog.text
    save_file({"one": np.zeros(1, np.float32)}, tmp_path / "My weights.safetensors")
    page.text_input(key="file").set_value(str(tmp_path / "My weights.safetensors")).run()
    assert not page.exception and "Extract features" in [button.label for button in page.button]


def test_any_model_of_timm(page, caplog):
    assert chosen(page, trunk="Another model of timm").exception
    assert "MammoError: Name a model of timm" in caplog.text
    page.text_input(key="model").set_value("resnet18.a1_in1k").run()
    assert not page.exception
