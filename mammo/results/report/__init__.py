"""The report's tables and figures, with ours beside them."""
