"""The verb `extract`: mammograms through trunks into caches."""
