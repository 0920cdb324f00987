"""Manifests: a user's mammograms as one table."""
