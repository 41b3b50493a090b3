"""Where a run lives, and what its checkpoint holds."""
