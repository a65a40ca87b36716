"""Running every engine on the same samples, comparing them, and the report."""
