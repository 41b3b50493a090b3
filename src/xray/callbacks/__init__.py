"""What a run records about itself, and what keeps it repeatable."""
