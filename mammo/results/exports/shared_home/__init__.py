"""A home to share, in which no patient can be identified."""
