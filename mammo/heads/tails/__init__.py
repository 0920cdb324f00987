"""The last layers of a trunk, trained with a head."""
