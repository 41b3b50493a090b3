"""The report of a scored set: figures, an HTML page and a model card, built from its tables."""
