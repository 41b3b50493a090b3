"""What is wrong with a folder of images, before anyone trains on it."""
