"""From prediction tables to metrics with confidence intervals (no torch or Lightning import)."""
