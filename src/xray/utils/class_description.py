"""Read and write descriptions of objects in a config: a class path with arguments, a class path alone, or none."""

from collections.abc import Mapping
from typing import Any


def class_path(described: Any) -> str | None:  # noqa: ANN401 - as in a config
    """Return the path of a class or function; None if the config describes none.

    >>> [class_path(each) for each in ({"class_path": "torch.optim.SGD"}, "torch.optim.SGD", None)]
    ['torch.optim.SGD', 'torch.optim.SGD', None]
    """
    path = described.get("class_path") if isinstance(described, Mapping) else described
    return path if isinstance(path, str) else None


def path_of(kind: type) -> str:
    """Return the class path by which a config names a class.

    >>> path_of(Mapping)
    'collections.abc.Mapping'
    """
    return f"{kind.__module__}.{kind.__qualname__}"


def class_name(described: Any) -> str | None:  # noqa: ANN401 - as in a config
    """Return the name of a class or function without its module; None if the config describes none."""
    path = class_path(described)
    return path.rpartition(".")[2] if path else None


def arguments(described: Any) -> dict[str, Any]:  # noqa: ANN401 - as in a config
    """Return the arguments of an object, or the settings themselves if the config names no class for them.

    >>> [arguments(each) for each in ({"class_path": "a.B", "init_args": {"x": 1}}, {"class_path": "a.B"}, "a.B")]
    [{'x': 1}, {}, {}]
    >>> arguments({"batch_size": 32})
    {'batch_size': 32}
    """
    if not isinstance(described, Mapping):
        return {}
    return dict(described.get("init_args") or {}) if "class_path" in described else dict(described)
