"""What may leave of a data set, in words."""

from mammo.data.dataset.dataset import Dataset
from mammo.data.dataset.licence import attribution_of, licence_of
from pages.shared.base.text import plain


def terms(dataset: Dataset) -> str:
    """The licence of a data set, and how its source wants to be named."""
    licence, named = licence_of(dataset.about), attribution_of(dataset.about)
    return plain(f"Licence: {licence.label.lower()}. {licence.words}{f' Name the source: {named}.' if named else ''}")
