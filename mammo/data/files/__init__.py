"""Files of mammograms, read safely: the pixels of any format, or one sentence that says why not."""
