"""The Features page takes any model of timm and weights from a file, and says what is missing."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from tests.pages.test_words import PAGES


@pytest.fixture
def page(tiny, monkeypatch):
    monkeypatch.setenv("MAMMO_HOME", str(tiny.path))
    monkeypatch.setattr(
        "mammo.estimates.measuring.can_measure", lambda: False
    )  # which would go on in processes of its own
    return AppTest.from_file(PAGES / "features.py", default_timeout=60)


def chosen(page, **query):
    page.query_params.update(query)
    return page.run()


def test_weights_from_a_file(page, tmp_path):
    chosen(page, trunk="VGG16", weights="Weights from a file")
    assert not page.exception and any("Name an existing weights file" in text.value for text in page.markdown)
    assert "Size in pixels" in [field.label for field in page.number_input]
    save_file({"one": np.zeros(1, np.float32)}, tmp_path / "My weights.safetensors")
    page.text_input(key="file").set_value(str(tmp_path / "My weights.safetensors")).run()
    assert not page.exception and "Extract features" in [button.label for button in page.button]


def test_any_model_of_timm(page):
    chosen(page, trunk="Another model of timm")
    assert not page.exception and any("Name a model of timm" in text.value for text in page.markdown)
    page.text_input(key="model").set_value("resnet18.a1_in1k").run()
    assert not page.exception


@pytest.mark.faults("ImageNet weights are not on this machine", "Features says so before the start, and what to do")
def test_missing_weights_are_told_before_the_start(page, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.create_connection", lambda *_, **__: pytest.fail("the network was asked"))
    page.run()
    for trunk, name in (("vgg16", "vgg16-397923af.pth"), ("resnet50", "resnet50-0676ba61.pth")):
        page.selectbox(key="trunk").set_value(trunk).run()
        assert not page.exception
        (warning_text,) = [warning.value for warning in page.warning]
        assert "not on this machine" in warning_text and name in warning_text and str(tmp_path) in warning_text
        assert "Extract features" in [button.label for button in page.button]
    page.selectbox(key="trunk").set_value("vgg16-mini").run()
    assert not page.warning
    page.selectbox(key="trunk").set_value("vgg16").run()
    page.radio(key="weights").set_value("random-0").run()
    assert not page.warning and not page.exception
