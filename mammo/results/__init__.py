"""What is shown of stored runs: nothing here needs torch."""
