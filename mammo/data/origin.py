"""Where the images of a data set come from, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mammo.data.collections.cbis_ddsm.discover import COLLECTION


def origin(about: Mapping[str, Any]) -> str:
    """The source of a data set, by what it says of itself; a phantom has the layout of a collection, and no more."""
    source = str(about["source"])
    return f"synthetic films in the layout of {source}" if about["synthetic"] and COLLECTION in source else source
