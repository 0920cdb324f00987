"""Work in separate processes: on every core, within limits, and ended together with the process that started it."""
