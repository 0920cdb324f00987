"""Converged linear probes, solved instead of trained."""
