"""A checkpoint and images: the tables of a scored set."""
