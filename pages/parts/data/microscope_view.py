"""Close views of a mammogram: a lesion after each resize, and the picture after each step of a preprocessing."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.data.masks import findings_mask, outlined_images
from mammo.images.enhance import STEPS, trace
from mammo.images.microscope import ResizeView, advice, draw_outlines, resize_views
from pages.shared.base import choose
from pages.shared.base.text import plain
from pages.shared.base.words import describe

SIZES = [64, 96, 128, 224, 320, 448, 512, 896]
USUAL = SIZES.index(224)
MOST = 5000


def microscope(dataset: Dataset, _note: str) -> None:
    """The original and every resize side by side, with the lesion's outline and its size in pixels."""
    _end_without_images(dataset)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        image = _mammogram(dataset)
        size = choose.one("Size in pixels", SIZES, "size", index=USUAL, width=150)
    looks = _looks(str(dataset.folder), str(dataset.item(image)["digest"]), dataset, image, size)
    if looks[0].closeup is None:
        st.info(_no_outline(dataset))
    with st.container(key="wall-lens"):
        for column, look in zip(st.columns(len(looks)), looks, strict=True):
            column.caption(f"**{look.label}**")
            column.image(draw_outlines(look.full), width="stretch")
            if look.closeup:
                column.image(draw_outlines(look.closeup), width="stretch")
                column.caption(_survives(look, looks[0]))
    beneath = ", below the surroundings of its largest lesion" if looks[0].closeup else ""
    st.caption(f"Above the whole mammogram{beneath}, as a trunk would get them. {advice(looks, SIZES)}")


def preprocessing(dataset: Dataset, _note: str) -> None:
    """The picture after every step of the enhanced preprocessing."""
    _end_without_images(dataset)
    image = _mammogram(dataset)
    picture = dataset.source(image).read().to_float()
    steps = [("As stored", picture[:: max(1, len(picture) // 1024), :: max(1, len(picture) // 1024)]), *trace(picture)]
    about = ["What the file holds.", *(step.description for step in STEPS.values())]
    with st.container(horizontal=True, key="wall-steps", vertical_alignment="top"):
        for (label, after), description in zip(steps, about, strict=True):
            with st.container(width=210, gap="xsmall"):
                st.image((after * 255).astype(np.uint8), width="stretch")
                st.caption(f"**{label}**  \n{description}")
    st.caption("Choose *enhanced* on the Features page to extract features of the last picture.")


def _end_without_images(dataset: Dataset) -> None:
    """Say so and end the page where the index has no full mammogram."""
    if dataset.images["file"].isna().all():
        why = "comes without images" if dataset.metadata_only else "holds no full mammogram"
        st.info(f"The data set {plain(dataset.name)} {why}: there is no picture to show.")
        st.stop()


def _mammogram(dataset: Dataset) -> str:
    """One mammogram, those with an outlined lesion first."""
    rows = dataset.images.head(MOST)
    first = outlined_images(dataset)
    labels = {row["image"]: f"{row['image']} ({describe(row, dataset.classes)})" for row in rows.to_dict("records")}
    ordered = sorted(labels, key=lambda image: image not in first)
    return str(choose.one("Mammogram", ordered, "image", lambda image: labels.get(image, image), width=460))


def _no_outline(dataset: Dataset) -> str:
    """A sentence on why no lesion is shown, and what to choose instead."""
    if outlined_images(dataset):
        return "No lesion is outlined in this mammogram; choose another to see what a resize leaves of one."
    return f"The data set {plain(dataset.name)} has no outlines of lesions, so none can be followed through a resize."


@st.cache_data(max_entries=8, show_spinner="Resizing…")
def _looks(folder: str, digest: str, _dataset: Dataset, image: str, size: int) -> list[ResizeView]:
    del folder, digest  # parts of the cache key: the picture of a name can change
    picture: NDArray[np.float32] = _dataset.source(image).read().to_float()
    return resize_views(picture, findings_mask(_dataset, image, picture.shape), size)


def _survives(look: ResizeView, original: ResizeView) -> str:
    wide, tall = look.sizes[0]
    several = "the largest of the lesions" if len(look.sizes) > 1 else "the lesion"
    if look is original:
        return f"{several.capitalize()} is {wide:.0f} × {tall:.0f} pixels; its outline holds {look.clear_pixels:,}."
    share = look.lesion_pixels / original.lesion_pixels
    return f"{wide:.1f} × {tall:.1f} pixels; its outline holds {look.lesion_pixels:,.0f}, {share:.1%} of the original."
