import pandas as pd
import pytest

from mammo.results.board.filter import MOST, RunFilter


@pytest.fixture
def runs():
    return pd.DataFrame(
        {
            "run": [f"s.{number}" for number in range(6)],
            "trunk": ["vgg16", "vgg16", "vgg16", "resnet50", "resnet50", "resnet50"],
            "pool": ["gap"] * 6,
            "hidden": [0, 64, 128, 0, 64, 128],
            "lr": [1e-3, 1e-3, 1.3e-5, 1e-3, 1e-3, None],
        }
    )


def test_the_choices_are_the_values_of_settings_that_differ(runs):
    assert RunFilter(runs).choices == ["vgg16", "resnet50", "linear", "hidden 64", "hidden 128", "1e-3", "1.3e-5"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ([], range(6)),
        (["vgg16"], [0, 1, 2]),
        (["linear", "hidden 128"], [0, 2, 3, 5]),
        (["resnet50", "linear", "hidden 128"], [3, 5]),
        (["vgg16", "1.3e-5"], [2]),
        (["nonsense"], range(6)),
        (["nonsense", "resnet50"], [3, 4, 5]),
    ],
)
def test_one_of_the_values_of_every_setting(runs, chosen, expected):
    assert runs.index[RunFilter(runs).matches(chosen)].tolist() == list(expected)


def test_a_setting_of_very_many_values_is_no_choice(runs):
    many = pd.concat([runs.iloc[:1]] * (MOST + 1)).assign(seed=range(MOST + 1))
    assert RunFilter(many).choices == []
    assert len(RunFilter(many.iloc[:5]).choices) == 5


def test_equal_words_of_two_settings_are_distinguished():
    runs = pd.DataFrame({"run": ["s.0", "s.1"], "trunk": ["none", "vgg16"], "augment": ["none", "generator"]})
    assert RunFilter(runs).choices == ["none", "vgg16", "augment none", "generator"]
