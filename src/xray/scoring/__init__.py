"""Score images with a checkpoint and return the tables of a scored set."""
