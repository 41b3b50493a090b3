"""The HTTP service: predictions and explanations of images that are sent, without keeping any."""
