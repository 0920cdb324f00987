"""Files of mammograms, read safely: pixels of any format, or one sentence that says why not."""
