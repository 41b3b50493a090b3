"""Weights of any network from a file: names without prefixes, other heads, colour images."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from xray.utils.errors import UserError
from xray.utils.files import user_path

CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "state_dict_ema", "model_ema")
"""Keys under which training checkpoints keep the tensors."""
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
"""DenseNet layers as old versions of torchvision named them, for example in CheXNet's checkpoint."""
COMPILED = "_orig_mod."
"""What torch.compile puts before the names of a module, anywhere in the network."""
SHOWN = 3
"""How many names a summary shows."""


@dataclass(frozen=True)
class LoadedWeights:
    """Tensors of a file under the names of a network.

    Args:
        tensors: The tensors that fit.
        summary: What was loaded and what was not, in one line.
    """

    tensors: dict[str, Tensor]
    summary: str


def read_weights(path: Path, network: nn.Module, head: Collection[str], owner: str) -> LoadedWeights:
    """Read the weights of a network from a file.

    The file's tensors must have the network's names, after a common prefix such as `module.` was taken off either, or
    any names with the network's shapes in its order. Tensors of the head are left out if they are missing or have
    another shape. A first convolution for colour images is summed over the colours, one for grey images is spread.

    Args:
        path: A PyTorch or safetensors file: weights, or a training checkpoint that contains them.
        network: The network; it is not changed.
        head: Parameter names of its head.
        owner: Whose weights they should be, for the message.

    Raises:
        UserError: The file is missing, does not contain weights, or contains those of another network.
    """
    loaded = {
        OLD_DENSENET.sub(r"\1\2", name).replace(COMPILED, ""): tensor for name, tensor in _load_tensors(path).items()
    }
    own = network.state_dict()
    ours, theirs = _common_names(own, loaded)
    names = {name: theirs + name[len(ours) :] for name in own if name.startswith(ours)}
    if missing := _missing(names, own, loaded, head):
        names = _names_by_order(own, loaded, head)
        if not names:
            problem = _mismatch(missing, own, loaded, theirs + missing[len(ours) :])
            raise UserError(
                f"model.weights {path} do not fit {owner}: {problem}. Give weights of this network, or the network of "
                "these weights."
            )
    tensors = {}
    for name, other in names.items():
        if other in loaded and (adapted := _adapted(loaded[other], own[name].shape)) is not None:
            tensors[name] = adapted
    return LoadedWeights(tensors, _summary(path, own, loaded, tensors, names, theirs))


def head_names(network: nn.Module) -> list[str]:
    """Return the parameter names of a network's head: its last layer with one output, and what belongs to it.

    Other modules belong to it as long as they hold less than a quarter of the network's tensors together.
    """
    names = [name for name, _ in network.named_parameters()]
    last = [name for name, parameter in network.named_parameters() if parameter.ndim > 1 and len(parameter) == 1]
    if not last:
        return []
    module = last[-1].rpartition(".")[0]
    head = [name for name in names if name.startswith(f"{module}.")] if module else [last[-1]]
    while module := module.rpartition(".")[0]:
        larger = [name for name in names if name.startswith(f"{module}.")]
        if 4 * len(larger) >= len(names):
            break
        head = larger
    return head


def _load_tensors(path: Path) -> dict[str, Tensor]:
    path = user_path(path)
    if not path.is_file():
        raise UserError(f"model.weights {path} does not exist: give a file of PyTorch or safetensors weights.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"model.weights {path} cannot be read as weights ({type(error).__name__}): it may be truncated or "
            "of another type; give one saved by torch.save(model.state_dict()) or by safetensors."
        ) from error
    while isinstance(content, dict) and (keys := [key for key in CONTAINERS if isinstance(content.get(key), dict)]):
        content = content[keys[0]]
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items())
    ):
        raise UserError(
            f"model.weights {path} does not contain a dictionary of tensors; give a file with a model's state_dict."
        )
    return content


def _common_names(own: Mapping[str, Tensor], loaded: Mapping[str, Tensor]) -> tuple[str, str]:
    """Return the prefixes of the network's and the file's names without which most tensors fit, short ones first."""

    def fits(prefixes: tuple[str, str]) -> int:
        ours, theirs = prefixes
        pairs = [(own[name], theirs + name[len(ours) :]) for name in own if name.startswith(ours)]
        return sum(other in loaded and _adapted(loaded[other], tensor.shape) is not None for tensor, other in pairs)

    pairs = [(ours, theirs) for ours in _prefixes(own) for theirs in _prefixes(loaded)]
    return max(sorted(pairs, key=lambda pair: len(pair[0]) + len(pair[1])), key=fits)


def _prefixes(names: Collection[str]) -> list[str]:
    """Return the prefixes that at least half of the names share, the empty one included."""
    counts = Counter(name[: dot.end()] for name in names for dot in re.finditer(r"\.", name))
    return ["", *(prefix for prefix, count in counts.items() if 2 * count >= len(names))]


def _missing(
    names: Mapping[str, str], own: Mapping[str, Tensor], loaded: Mapping[str, Tensor], head: Collection[str]
) -> str:
    """Return the first of the network's names without a tensor that fits, the head aside; empty if there is none."""
    for name, other in names.items():
        # Older files lack the batch counts of batch normalisation.
        if name in head or name.endswith("num_batches_tracked"):
            continue
        if other not in loaded or _adapted(loaded[other], own[name].shape) is None:
            return name
    return ""


def _names_by_order(own: Mapping[str, Tensor], loaded: Mapping[str, Tensor], head: Collection[str]) -> dict[str, str]:
    """Return the file's names by the network's if all have the same shapes in the same order; empty if not."""
    others = _without_batch_counts(loaded)
    with_head = _without_batch_counts(own)
    for names in (with_head, [name for name in with_head if name not in head]):
        pairs = dict(zip(names, others, strict=False))
        # Weight and bias of a normalisation layer have the same shape; the last part of the name distinguishes them.
        if len(names) == len(others) and all(
            _same_role(name, other)
            and (
                _adapted(loaded[other], own[name].shape) is not None
                or (name in head and _same_rank(own[name], loaded[other]))
            )
            for name, other in pairs.items()
        ):
            return pairs
    return {}


def _without_batch_counts(names: Collection[str]) -> list[str]:
    return [name for name in names if not name.endswith("num_batches_tracked")]


def _same_role(name: str, other: str) -> bool:
    roles = {"weight", "bias", "running_mean", "running_var"}
    role, other_role = name.rpartition(".")[2], other.rpartition(".")[2]
    return role == other_role or not {role, other_role} <= roles


def _same_rank(tensor: Tensor, other: Tensor) -> bool:
    return tensor.ndim == other.ndim


def _adapted(tensor: Tensor, shape: torch.Size) -> Tensor | None:
    """Return a tensor in a shape that differs at most in the colours of a first convolution; None if it cannot."""
    if tensor.shape == shape:
        return tensor
    if tensor.ndim != 4 or len(shape) != 4 or (len(tensor), *tensor.shape[2:]) != (shape[0], *shape[2:]):
        return None
    if 3 * shape[1] == tensor.shape[1]:
        adapted: Tensor = adapt_input_conv(1, tensor)
        return adapted
    # The same sum over equal colours.
    return tensor.expand(shape) / 3 if (tensor.shape[1], shape[1]) == (1, 3) else None


def _mismatch(name: str, own: Mapping[str, Tensor], loaded: Mapping[str, Tensor], other: str) -> str:
    """Return why the tensor of a name does not fit, as a clause."""
    if other in loaded:
        return f"{other} has shape {tuple(loaded[other].shape)}, not {tuple(own[name].shape)}"
    if any(stem.endswith(f".{key}") or stem == key for key in own for stem in loaded):
        return f"{other} is missing"
    return f"its {len(_without_batch_counts(loaded))} tensors have neither its names nor its order and shapes"


def _summary(
    path: Path,
    own: Mapping[str, Tensor],
    loaded: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    prefix: str,
) -> str:
    used = {names[name] for name in tensors}
    lines = [f"Weights of {path}: {len(tensors)} of the network's {len(own)} tensors loaded"]
    if prefix:
        lines.append(f"prefix {prefix} taken off")
    if grey := [name for name in tensors if loaded[names[name]].shape != own[name].shape]:
        lines.append(f"colours of {_listed(grey)} adapted")
    if new := _without_batch_counts([name for name in own if name not in tensors]):
        lines.append(f"as initialised {_listed(new)}")
    if unused := [name for name in loaded if name not in used]:
        lines.append(f"not used {_listed(unused)}")
    return "; ".join(lines)


def _listed(names: Collection[str]) -> str:
    """Return the first of some names, and how many there are."""
    shown = ", ".join(list(names)[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
