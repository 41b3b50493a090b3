"""Folder, index, split, decoded images, batches: the way of the data, in this order."""
