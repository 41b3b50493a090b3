"""Check a folder of images for problems before training."""
