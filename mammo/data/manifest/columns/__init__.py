"""The columns of a manifest, and the headers that name them."""
