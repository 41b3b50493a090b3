"""Decoded images on disk, found by the hash of their file."""
