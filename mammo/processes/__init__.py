"""Work in processes of its own: on every core, within limits, and ended with whoever began it."""
