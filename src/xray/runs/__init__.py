"""Folders of a run, and the contents of its checkpoint."""
