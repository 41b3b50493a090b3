"""What is wrong with a folder of films, before anyone trains on it."""
