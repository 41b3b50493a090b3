"""Export a checkpoint to one file that runs without the training code."""
