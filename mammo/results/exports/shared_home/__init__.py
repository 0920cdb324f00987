"""A home to share, which leads back to nobody."""
