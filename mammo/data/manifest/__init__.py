"""Manifests: anybody's mammograms as one table."""

from mammo.data.manifest.columns import BOX, COLUMNS, NEEDED
from mammo.data.manifest.manifest import Manifest, read_manifest
from mammo.data.manifest.options import ManifestOptions

__all__ = ["BOX", "COLUMNS", "NEEDED", "Manifest", "ManifestOptions", "read_manifest"]
