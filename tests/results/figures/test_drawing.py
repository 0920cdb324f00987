import pytest

from mammo.results.figures.drawing import wrapped


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("flatten", "flatten"),
        ("vgg16-mini · gap · adam · 1e-3", "vgg16-mini · gap · adam · 1e-3"),
        ("vgg16-mini · flatten · adam · 1e-5", "vgg16-mini · flatten ·<br>adam · 1e-5"),
        ("a-name-that-is-longer-than-a-line-can-be · gap", "a-name-that-is-longer-than-a-line-can-be ·<br>gap"),
    ],
)
def test_names_are_broken_into_lines_of_similar_length(name, lines):
    assert wrapped(name) == lines
