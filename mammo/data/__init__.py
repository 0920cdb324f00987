"""What a mammogram is: files, the index of a data set, splits, and the phantom."""
