"""Data pipeline: index folders, decode and cache images, split by patient, make batches."""
