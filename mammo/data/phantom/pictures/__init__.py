"""Pixels: tissue, lesions and film."""
