"""Files in the layouts of the collection."""
