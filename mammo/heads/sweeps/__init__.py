"""The verb `sweep`: every head of a grid on every cache and split, kept as one table."""
