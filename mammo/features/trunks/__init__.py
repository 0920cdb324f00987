"""Pretrained networks, their taps, and their weights."""
