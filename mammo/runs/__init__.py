"""Stored runs: sweeps, the runs in them, and what follows from their scores without training."""
