"""The axes: all that runs can differ in, one table that everything else loops over.

An axis is a field of a spec (`mammo.specs`). The command line's options, the Sweep form, grids, labels of runs, cards,
clones, importance, the leaderboard's columns, the grouping of banks and the identity of sweeps read this table.
"""

from __future__ import annotations

from mammo.specs import Axis
from mammo.specs.cache_spec import CACHE_AXES
from mammo.specs.head_spec import HEAD_AXES
from mammo.specs.split_spec import SPLIT_AXES

AXES: dict[str, Axis] = {**CACHE_AXES, **HEAD_AXES, **SPLIT_AXES}
"""Every axis by the name of its column in tables of runs."""
