"""From a checkpoint to one file that runs without this program's training code."""
