"""Which images train, validate and test; what a split leaks; which labels heads learn."""
