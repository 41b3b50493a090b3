"""Folder, index, split, decoded films, batches: the way of the data, in this order."""
