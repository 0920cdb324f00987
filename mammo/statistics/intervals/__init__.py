"""95 % intervals that know which images belong to one patient."""
