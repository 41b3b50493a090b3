"""Out-of-distribution detection: which images do not look like the training images."""
