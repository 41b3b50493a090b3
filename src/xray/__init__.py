"""Pneumonia on chest X-rays: honest training, testing and reporting from YAML files."""

__version__ = "0.1.0"

NOTICE = "For research and teaching; not a medical device."
"""Said wherever a probability is shown."""

ONE_SOURCE = "A model trained on one source may be near chance on films of another."
"""Said wherever its figures are shown."""
