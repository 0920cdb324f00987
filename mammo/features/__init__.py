"""Activations of frozen trunks, extracted once and kept."""
