"""From grey images to logits, by whatever a model was kept in: a checkpoint, or an exported file without torch."""
