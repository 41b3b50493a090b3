"""Predict with a checkpoint or an exported file."""
