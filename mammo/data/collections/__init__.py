"""Public collections whose layout is known."""
