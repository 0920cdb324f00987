"""Comparisons of runs: tests, groups of ties, and the selection bias of a winner."""
