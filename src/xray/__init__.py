"""Train, test and report on chest X-ray classifiers from YAML files."""

import os

__version__ = "0.1.0"

# ONNX Runtime would otherwise store a device identifier and events in the home folder, to be sent. It reads
# the variable once, at import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

NOTICE = "For research and teaching; not a medical device."
"""Shown with every probability."""

ONE_SOURCE = "A model trained on one source may be near chance on images of another."
"""Shown with the metrics of a model."""
