"""Widgets that show: figures, badges, and mammograms on a dark wall."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.data.files.previews import read_sound_preview, stretch
from mammo.errors import MammoError
from mammo.specs.class_names import capital
from pages.shared.base.text import plain

CARD = 168


def dark() -> bool:
    """Whether the visitor's theme is the dark one."""
    return st.context.theme.type == "dark"


def figure(plot: Any, key: str) -> None:
    """A Plotly figure in the theme of the page, without buttons."""
    st.plotly_chart(plot, key=key, config={"displayModeBar": False, "scrollZoom": False})


def notes(synthetic: bool, weights: Iterable[str] = ()) -> str:
    """The note beside every number or image: whether data are synthetic, or weights synthetic or random."""
    parts = ["synthetic data"] if synthetic else []
    for weight in dict.fromkeys(weights):
        if "synthetic" in weight or "random" in weight:
            parts.append(weight if "weights" in weight else f"weights {weight}")
    return capital("; ".join(parts))


def badge(note: str) -> None:
    """A badge with the text of `notes`; nothing where it is empty."""
    if note:
        st.badge(plain(note), icon=":material/science:", color="orange")


def warnings(sentences: Iterable[str]) -> None:
    """Each sentence once, as a warning."""
    for sentence in dict.fromkeys(sentences):
        st.warning(plain(sentence), icon=":material/warning:")


def facts(values: dict[str, Any]) -> None:
    """A row of numbers that wraps on a narrow screen."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in values.items():
            st.metric(label, f"{value:,}" if isinstance(value, int) else value, width="content")


def wall(
    dataset: Dataset,
    images: pd.DataFrame,
    key: str,
    caption: Callable[[pd.Series], str],
    on_open: Callable[[pd.Series], None],
    stretched: bool = False,
) -> None:
    """Previews of the rows of `images`, side by side on a dark wall; `on_open` shows a row at full size.

    They are as bright as a trunk sees them, or `stretched`. In a home without pictures only the captions are shown.
    """
    with st.container(horizontal=True, key=f"wall-{key}", vertical_alignment="bottom"):
        for _, row in images.iterrows():
            with st.container(width=CARD, gap="xsmall"):
                _picture(dataset, row["image"], stretched)
                st.caption(caption(row))
                if not dataset.metadata_only and st.button(
                    "Full size", key=f"{key}-{row['image']}", type="tertiary", icon=":material/zoom_in:"
                ):
                    on_open(row)


def _picture(dataset: Dataset, image: str, stretched: bool) -> None:
    """The preview of an image, the image itself where the preview is damaged, or the error where it cannot be read."""
    preview = dataset.preview(image)
    small = read_sound_preview(preview) if dataset.holds(preview) else None
    if small is not None:
        st.image(stretch(small) if stretched else preview, width="stretch")
    elif not dataset.metadata_only:
        try:
            st.image(dataset.pixels(image, stretched), width="stretch")
        except MammoError as error:
            st.caption(plain(error))


def size(number: float) -> str:
    """A number of bytes as text, such as `1.5 GB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    return ""
