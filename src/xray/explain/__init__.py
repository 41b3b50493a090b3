"""Maps over an image of what moved a model's number, and words of what they are not."""
