"""Numbers in, numbers out: metrics, curves and thresholds of labels and scores."""
