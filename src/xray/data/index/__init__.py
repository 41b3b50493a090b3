"""List the images of a data set and assign each to a patient."""
