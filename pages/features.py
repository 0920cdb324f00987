"""Features: the maps that a frozen trunk computes from the images, extracted once and stored."""

import streamlit as st

from mammo.data.dataset.dataset import KINDS, Dataset
from mammo.estimates.estimate import extraction_estimate
from mammo.features.cache.chunks import STORAGES
from mammo.features.trunks.weights import weights_note
from mammo.images.augment import AUGMENTATIONS
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.specs import CacheSpec, Home
from mammo.storage.spreadsheets import plain_cells
from pages.parts.features.trunk_form import choose_tap, choose_trunk, choose_weights, warn_of_missing
from pages.serving.navigation import nothing_yet
from pages.shared.base import choose, show
from pages.shared.base.fields import Fields
from pages.shared.base.words import KIND_NAMES, cache_rows
from pages.shared.views import costs, work


def choose_spec(dataset: Dataset) -> tuple[CacheSpec, str | None] | None:
    """The spec of the features in the form and a weights file; None where a field has an error, shown beneath it."""
    fields = Fields()
    left, middle, right = st.columns(3)
    with left:
        trunk = fields.ask(lambda: choose_trunk(dataset.synthetic))
        weights, file = (trunk and fields.ask(lambda: choose_weights(trunk))) or ("", None)
        tap = choose_tap(trunk) if trunk else ""
    with middle:
        kind = choose.one("Images", KINDS, "kind", KIND_NAMES.__getitem__)
        resize = choose.entry("Resize", RESIZES, "resize")
        size = choose.number("Size in pixels", 32, 4096, 224, "size", step=32)
    with right:
        preprocess = choose.entry("Preprocessing", PREPROCESSINGS, "preprocess")
        augment = choose.entry("Augmentation", AUGMENTATIONS, "augment")
        draws = choose.draws(augment)
        precision = choose.precision()
    if fields.lacking or not trunk:
        return None
    spec = CacheSpec(
        dataset=dataset.name,
        trunk=trunk,
        weights=weights,
        tap=tap,
        kind=kind,
        preprocess=preprocess,
        resize=resize,
        size=size,
        augment=augment,
        draws=draws,
        precision=precision,
    )
    return spec, file


def offer(home: Home, spec: CacheSpec, file: str | None, images: int) -> None:
    storage = choose.entry("Keep the features", STORAGES, "storage", width=300)
    show.badge(show.notes(False, [weights_note(spec.weights, spec.trunk)]))
    warn_of_missing(spec.trunk, spec.weights)
    costs.show(home, lambda: extraction_estimate(home, [spec], storage), {"Images": images})
    if st.button("Extract features", type="primary", icon=":material/play_arrow:"):
        work.start(home, "extract", {"specs": [spec.to_json()], "weights_file": file, "storage": storage})


home = choose.home()
st.title("Features")
dataset = choose.dataset(home)
if dataset.metadata_only:
    nothing_yet(f"{dataset.name} was indexed with --metadata-only: it has no images to extract features from.", "data")
show.badge(show.notes(dataset.synthetic))
if describe := choose_spec(dataset):
    offer(home, *describe, len(dataset.table(describe[0].kind)))
work.follow(home, "extract")
st.subheader("Extracted so far")
opened = work.opened_caches(home, dataset.name)
if opened:
    st.dataframe(plain_cells(cache_rows(opened)), hide_index=True)
else:
    st.caption("No features of this data set yet.")
