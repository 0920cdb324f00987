"""Whether runs differ: tests, groups of ties, and how much of a winner's lead is luck."""
