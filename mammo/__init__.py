"""mammo: cached features of mammograms, banks of classification heads, and honest comparison."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mammo.data.dataset.dataset import Dataset as Dataset
    from mammo.data.index.cbis_ddsm import index_cbis_ddsm as index_cbis_ddsm
    from mammo.data.index.cbis_ddsm import index_phantom as index_phantom
    from mammo.data.index.manifest import index_manifest as index_manifest
    from mammo.errors import MammoError as MammoError
    from mammo.features.cache.cache import Cache as Cache
    from mammo.features.extraction.extract import extract as extract
    from mammo.heads.grid import expand as expand
    from mammo.heads.sweeps.sweep import sweep as sweep
    from mammo.progress import finish as finish
    from mammo.results.board.leaderboard import leaderboard as leaderboard
    from mammo.runs.sweep import Sweep as Sweep
    from mammo.specs import CacheSpec as CacheSpec
    from mammo.specs import HeadSpec as HeadSpec
    from mammo.specs import Home as Home
    from mammo.specs import SplitSpec as SplitSpec
    from mammo.specs import SweepSpec as SweepSpec

_PUBLIC = {
    "Cache": "mammo.features.cache.cache",
    "CacheSpec": "mammo.specs",
    "Dataset": "mammo.data.dataset.dataset",
    "HeadSpec": "mammo.specs",
    "Home": "mammo.specs",
    "MammoError": "mammo.errors",
    "SplitSpec": "mammo.specs",
    "Sweep": "mammo.runs.sweep",
    "SweepSpec": "mammo.specs",
    "expand": "mammo.heads.grid",
    "extract": "mammo.features.extraction.extract",
    "finish": "mammo.progress",
    "index_cbis_ddsm": "mammo.data.index.cbis_ddsm",
    "index_manifest": "mammo.data.index.manifest",
    "index_phantom": "mammo.data.index.cbis_ddsm",
    "leaderboard": "mammo.results.board.leaderboard",
    "sweep": "mammo.heads.sweeps.sweep",
}

__all__ = sorted(_PUBLIC)  # noqa: PLE0605
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import mammo` costs nothing."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'mammo' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
