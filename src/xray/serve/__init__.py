"""The HTTP service: predictions and explanations of uploaded images, and a page for people."""
