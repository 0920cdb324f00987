"""The terms of use of a data set as text."""

from mammo.data.dataset.dataset import Dataset
from mammo.data.dataset.licence import attribution_of, licence_of
from pages.shared.base.text import plain


def terms(dataset: Dataset) -> str:
    """The licence of a data set, and the attribution that its source asks for."""
    licence, attribution = licence_of(dataset.about), attribution_of(dataset.about)
    return plain(
        f"Licence: {licence.label.lower()}. {licence.words}{f' Name the source: {attribution}.' if attribution else ''}"
    )
