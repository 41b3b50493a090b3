"""The report of a scored set: figures, a page and a model card, all made from its tables."""
