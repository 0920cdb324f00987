"""Heads of any number through all epochs, on every split at once."""
