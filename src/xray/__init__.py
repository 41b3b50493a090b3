"""Pneumonia on chest X-rays: honest training, testing and reporting from YAML files."""

import os

__version__ = "0.1.0"

# ONNX Runtime's wheels would otherwise write an identifier of the device and events into the home folder, to be sent.
# The variable is looked at once, when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

NOTICE = "For research and teaching; not a medical device."
"""Said wherever a probability is shown."""

ONE_SOURCE = "A model trained on one source may be near chance on images of another."
"""Said wherever its figures are shown."""
