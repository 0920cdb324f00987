"""Manifests: anybody's mammograms as one table."""
