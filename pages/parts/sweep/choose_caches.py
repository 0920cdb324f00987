"""The caches that heads are trained from."""

from collections.abc import Iterable, Sequence

from mammo.features.cache.cache import Cache
from mammo.heads.finetune import suited
from pages.serving.navigation import nothing_yet
from pages.shared.base import choose
from pages.shared.base.words import KIND_NAMES


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
