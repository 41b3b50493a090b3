"""Comparing runs that were tested on the same films: `python -m xray compare`."""
