"""Maps over a film of what moved a model's number, and words of what they are not."""
