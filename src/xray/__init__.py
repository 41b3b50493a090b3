"""Train, test and report on chest X-ray classifiers from YAML files, or in Python.

`from xray import load_model, evaluate, audit`, see `xray.api`; importing `xray` alone imports neither torch nor pandas.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xray.api import audit, evaluate, load_model
    from xray.evaluation.ablations import register_ablation
    from xray.evaluation.registry import register_metric
    from xray.scoring.corruptions import register_corruption

__all__ = [
    "NOTICE",
    "ONE_SOURCE",
    "__version__",
    "audit",
    "evaluate",
    "load_model",
    "register_ablation",
    "register_corruption",
    "register_metric",
]
__version__ = "0.1.0"

# ONNX Runtime would otherwise store a device identifier and events in the home folder, to be sent. It reads
# the variable once, at import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

NOTICE = "For research and teaching; not a medical device."
"""Shown with every probability."""

ONE_SOURCE = "A model trained on one source may be near chance on images of another."
"""Shown with the metrics of a model."""

_MODULES = {
    "evaluate": "xray.api",
    "load_model": "xray.api",
    "register_ablation": "xray.evaluation.ablations",
    "register_corruption": "xray.scoring.corruptions",
    "register_metric": "xray.evaluation.registry",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the names above, or the package of audit
    """Import what is asked for: `--help` needs none of it."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "audit":
        return import_module("xray.audit")
    raise AttributeError(f"module 'xray' has no attribute {name!r}")
