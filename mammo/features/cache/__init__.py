"""The cache of activations: its identity, its chunks, and how it is written."""
