"""The project's speed beside that of what people would do otherwise; run it with `mammo bench`."""
