"""The data settings in the config of a run."""

from collections.abc import Mapping
from typing import Any

from xray.utils.class_description import arguments


def data_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a config's data module: below its class or, in older runs, directly under `data`.

    >>> data_settings({"data": {"class_path": "my.Images", "init_args": {"image_size": 64}}})
    {'image_size': 64}
    """
    return arguments(config.get("data"))


def for_images_given(trained: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a command is given, without those of the training that only suit its own images.

    Other images are listed by `root` again unless an index is given, and all of them are used.

    >>> for_images_given({"root": "a", "index": None, "test_fraction": 0.2}, {"root": "b"})
    {'index': None, 'test_fraction': 0.0, 'root': 'b'}
    """
    other_root = "root" in given and (bool(trained.get("index")) or str(given["root"]) != str(trained.get("root")))
    if not other_root and not given.get("index"):
        return dict(given)
    reset = {"index": None, "test_fraction": 0.0}
    return {key: value for key, value in reset.items() if key in trained} | dict(given)
