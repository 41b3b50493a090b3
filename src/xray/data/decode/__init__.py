"""From an image file to grey pixels of one size."""
