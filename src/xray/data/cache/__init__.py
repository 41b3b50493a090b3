"""Cache of decoded images on disk, keyed by the hash of each image file."""
