"""The frozen trunk, one of the table or any model of timm, and its weights, usual, random or from a file."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from mammo.errors import MammoError
from mammo.features.trunks.locate import HUB_FILE, hub_cache, is_offline, local_weights
from mammo.features.trunks.table import ANY_TIMM, TRUNKS, find_trunk
from mammo.features.trunks.weights import SUFFIXES, TORCHVISION, is_weights_file, weights_label, weights_note
from mammo.specs.class_names import capital
from pages.serving.disk import data_roots, may_name_files, visitor_file
from pages.serving.hosts import serves_others
from pages.shared.base import address, choose
from pages.shared.base.text import plain

FILE = "file"
"""The entry under Weights that takes a file."""
NOT_HERE = ":orange[:material/cloud_off: Not on this machine]"
MEANINGLESS = "Scores mean nothing"


def choose_trunk(synthetic: bool) -> str:
    """The name of a trunk; the default suits synthetic or real images."""
    labels = {name: kind.label for name, kind in TRUNKS.items()} | {ANY_TIMM: "Another model of timm"}
    names = list(labels)
    chosen = choose.one(
        "Trunk", names, "trunk", labels.__getitem__, index=names.index("vgg16-mini") if synthetic else 0
    )
    if chosen != ANY_TIMM:
        return str(chosen)
    model = choose.text("Model", "model", "convnext_tiny.fb_in1k", "Any name of timm.list_models(), tag included.")
    if not model:
        raise MammoError("Name a model of timm, such as convnext_tiny.fb_in1k.")
    return ANY_TIMM + model


def choose_weights(trunk: str) -> tuple[str, str | None]:
    """The label of a trunk's weights, and the file where they come from one."""
    usual = find_trunk(trunk).default_weights
    sources = {usual: "" if local_weights(trunk) else NOT_HERE, "random-0": MEANINGLESS}
    sources |= {FILE: ""} if may_name_files() else {}
    chosen = _choose_source(trunk, sources)
    if chosen == "random-0":
        return chosen, None
    if chosen != FILE:
        return usual, None
    help_text = f"A file on the machine that serves this page, ending in {', '.join(SUFFIXES)}."
    path = visitor_file(choose.text("File", "file", "/home/me/weights.safetensors", help_text))
    if path is None or not is_weights_file(path):
        where = f" under {', '.join(map(str, data_roots()))}" if serves_others() else ""
        raise MammoError(f"Name an existing weights file{where} that ends in {', '.join(SUFFIXES)}.")
    return weights_label(str(path)), str(path.absolute())


def _choose_source(trunk: str, sources: Mapping[str, str]) -> str:
    """The source of the weights; each source has a line of explanation."""
    names = list(sources)

    def label_of(source: str) -> str:
        return capital(weights_note(source, trunk))

    wrong = choose.misread("weights", names, label_of, last=True)
    captions = list(sources.values())
    chosen = st.radio("Weights", names, format_func=label_of, captions=captions, key="weights", bind="query-params")
    chosen = chosen if chosen in names else names[0]
    address.note_choice("weights", "Weights", wrong, label_of(chosen))
    return chosen


def warn_of_missing(trunk: str, weights: str) -> None:
    """Warn where the chosen weights are not on this machine; say what the extraction does then, and the choices."""
    if weights == find_trunk(trunk).default_weights and not local_weights(trunk):
        st.warning(_missing(trunk, weights), icon=":material/cloud_off:")


def _missing(trunk: str, usual: str) -> str:
    kind = find_trunk(trunk)
    note = plain(capital(weights_note(usual, trunk)))
    if kind.shipped:
        return (
            f"The weights of {plain(kind.label)} did not come with this copy of mammo: make them with `mammo pretrain`."
        )
    hub_folder = (
        Path("~") / hub_cache().relative_to(Path.home()) if hub_cache().is_relative_to(Path.home()) else hub_cache()
    )
    then = (
        "Downloads are switched off on this machine (HF_HUB_OFFLINE), so the extraction would end with an error."
        if is_offline()
        else "The extraction downloads them first, and ends with an error where there is no network."
    )
    name, digest = TORCHVISION.get(trunk, ("", ""))
    file = f", such as torchvision's `{name}`, SHA-256 `{digest}`" if name else ""
    hub = trunk.removeprefix(ANY_TIMM) if trunk.startswith(ANY_TIMM) else kind.hub.removeprefix("timm/")
    return (
        f"**{note} of {plain(kind.label)} are not on this machine.** mammo looked under "
        f"`{hub_folder}/models--timm--{hub}` ({HUB_FILE}). {then} Without a network choose the trunk VGG16 "
        "mini or ResNet50 mini, whose weights, trained on synthetic data, come with mammo; random weights, whose "
        f"scores mean nothing; or a file of your own{file}."
    )


def choose_tap(trunk: str) -> str:
    """The tap at which the trunk is cut."""
    taps = find_trunk(trunk).taps
    return str(choose.one("Cut the trunk at", list(taps), "tap", lambda name: taps[name].label.capitalize()))
