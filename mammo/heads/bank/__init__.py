"""Many heads trained in one step."""
