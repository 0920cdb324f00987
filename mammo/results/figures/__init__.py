"""Plotly figures and their palette."""
