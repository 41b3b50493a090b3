"""Decode image files into grey pixels of one size."""
