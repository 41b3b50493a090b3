"""The HTTP service: predictions and explanations of films that are sent, without keeping any."""
