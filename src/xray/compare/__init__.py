"""Compare runs that were tested on the same images (`python -m xray compare`)."""
