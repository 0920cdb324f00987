"""Widgets of fine-tuning: what of the trunk learns, and the features that it can be learnt from."""

from collections.abc import Iterable, Sequence
from functools import partial

from mammo.features.cache.cache import Cache
from mammo.heads.finetune import FINETUNES, suited
from mammo.heads.grid import check_values
from pages.serving.places import nothing_yet
from pages.shared.base import choose
from pages.shared.base.fields import Fields
from pages.shared.base.words import KIND_NAMES


def choose_finetune(rates: Sequence[str], fields: Fields) -> dict[str, list[object]]:
    """The axes of a grid of heads that say what of the trunk learns, and how fast."""
    name = choose.entry("Fine-tuning", FINETUNES, "finetune")
    if name == "none":
        return {"finetune": [name]}
    label = "Learning rate of the trunk's layers"
    rate = fields.axis(
        lambda: [*choose.numbers(label, rates, "tail_lr", default=["1e-5"])],
        partial(check_values, "tail_lr", finetune=name),
    )
    return {"finetune": [name], "tail_lr": rate}


def choose_caches(opened: Sequence[Cache], finetunes: Iterable[object]) -> tuple[str, ...]:
    """Names of caches of one image kind that suit heads which are tuned so.

    Where there are none, the page says so and ends.
    """
    kinds = [kind for kind in KIND_NAMES if any(cache.spec.kind == kind for cache in opened)]
    kind = choose.one("Images", kinds, "kind", KIND_NAMES.__getitem__) if len(kinds) > 1 else kinds[0]
    fitting = suited([cache for cache in opened if cache.spec.kind == kind], map(str, finetunes))
    names = [cache.name for cache in fitting]
    if not names:
        said = "There are no features in front of the trunk's last layer yet."
        nothing_yet(f"{said} Extract some on the Features page first, cut before the last layer.", "features")
    key = "caches" if set(finetunes) == {"none"} else "tuned_caches"  # what was chosen of the others is not lost
    return tuple(choose.several("Features", names, key, default=names))
