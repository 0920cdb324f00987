"""The source of a data set's images, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mammo.data.collections.cbis_ddsm.discover import COLLECTION


def origin(about: Mapping[str, Any]) -> str:
    """The source of a data set, from its metadata; a phantom shares only the layout of a collection."""
    source = str(about["source"])
    return f"synthetic films in the layout of {source}" if about["synthetic"] and COLLECTION in source else source
