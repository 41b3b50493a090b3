"""Which images there are, and which patient each belongs to."""
