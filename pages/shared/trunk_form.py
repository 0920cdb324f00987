"""The frozen trunk and its weights: one of the listed trunks or any of timm's, weights that are known or a file's."""

from mammo.errors import MammoError
from mammo.features.trunks import ANY_TIMM, TRUNKS, find_trunk
from mammo.features.weights import SUFFIXES, is_weights_file, weights_label, weights_note
from pages.serving.disk import data_roots, may_name_files, open_to_visitors
from pages.serving.hosts import serves_others
from pages.shared import choose

FILE = "file"
"""The entry under Weights that asks for a file."""


def choose_trunk(synthetic: bool) -> str:
    """The name of a trunk; the first offered is one that suits synthetic or real images."""
    named = {name: kind.label for name, kind in TRUNKS.items()} | {ANY_TIMM: "Another model of timm"}
    names = list(named)
    chosen = choose.one("Trunk", names, "trunk", named.__getitem__, index=names.index("vgg16-mini") if synthetic else 0)
    if chosen != ANY_TIMM:
        return str(chosen)
    model = choose.words("Model", "model", "convnext_tiny.fb_in1k", "Any name of timm.list_models(), tag included.")
    if not model:
        raise MammoError("Name a model of timm, such as convnext_tiny.fb_in1k.")
    return ANY_TIMM + model


def choose_weights(trunk: str) -> tuple[str, str | None]:
    """The label of a trunk's weights, and their file where they are a file's."""
    sources = [find_trunk(trunk).default_weights, "random-0", *([FILE] if may_name_files() else [])]
    chosen = str(choose.one("Weights", sources, "weights", lambda name: weights_note(name, trunk).capitalize()))
    if chosen != FILE:
        return chosen, None
    said = f"A file on the machine that serves this page, ending in {', '.join(SUFFIXES)}."
    path = open_to_visitors(choose.words("File", "file", "/home/me/weights.safetensors", said))
    if path is None or not is_weights_file(path):
        where = f" under {', '.join(map(str, data_roots()))}" if serves_others() else ""
        raise MammoError(f"Name an existing weights file{where} that ends in {', '.join(SUFFIXES)}.")
    return weights_label(str(path)), str(path.absolute())


def choose_tap(trunk: str) -> str:
    """Where the trunk is cut."""
    taps = find_trunk(trunk).taps
    return str(choose.one("Cut the trunk at", list(taps), "tap", lambda name: taps[name].label.capitalize()))
