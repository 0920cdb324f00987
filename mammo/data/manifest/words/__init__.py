"""Words as people type them into cells."""
