"""Stored runs: sweeps, the runs in them, and what is made of their scores without training."""
