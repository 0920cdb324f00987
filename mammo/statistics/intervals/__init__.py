"""95 % intervals, clustered by patient."""
