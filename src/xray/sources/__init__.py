"""Where data sets come from: drawn (synth) or fetched (download)."""
