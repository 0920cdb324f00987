"""Classification heads: what can be chosen of them, and how they are trained."""
