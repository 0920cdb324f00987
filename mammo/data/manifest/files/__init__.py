"""The files that a manifest lists, found on disk."""
