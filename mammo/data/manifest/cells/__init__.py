"""Cells that become values: boxes, labels, numbers."""
