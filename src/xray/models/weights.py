"""ImageNet weights for a timm backbone, from the model hub or from a file."""

import difflib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from xray.utils.errors import UserError


def check_backbone(name: str) -> None:
    """Reject a backbone that timm does not have.

    Raises:
        UserError: There is no such backbone; the message suggests similar names.
    """
    architecture, _, tag = name.partition(".")
    if timm.is_model(architecture) and (not tag or name in timm.list_models(f"{architecture}.*", pretrained=True)):
        return
    near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
    raise UserError(
        f"model.backbone {name} is not a model of timm {timm.__version__}"
        + (f"; did you mean {', '.join(near)}?" if near else "; timm.list_models() lists them all.")
    )


def fetch_hub_weights(name: str) -> dict[str, Tensor]:
    """Return backbone weights for one grey channel from the model hub or its local cache.

    Raises:
        UserError: No network, or no weights of that name.
    """
    try:
        with _hub_with_timeout():
            model = timm.create_model(name, pretrained=True, in_chans=1, num_classes=0)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"The weights of {name} could not be downloaded from the model hub ({reason[:160]}). Give a local file "
            "with --model.weights FILE, or train from random weights with --model.pretrained false."
        ) from error
    weights: dict[str, Tensor] = model.state_dict()
    return weights


@contextmanager
def _hub_with_timeout() -> Iterator[None]:
    """Try to reach the hub once, and use only its local cache if it does not respond.

    The hub's client would otherwise retry each file six times, for most of a minute.
    """
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    try:
        if not offline:
            urllib.request.urlopen(constants.ENDPOINT, timeout=5).close()
    except urllib.error.HTTPError:
        # Any response shows that the hub can be reached.
        pass
    except OSError:
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


def read_weights(path: Path, name: str) -> dict[str, Tensor]:
    """Return backbone weights for one grey channel from a file.

    The file's tensors must have timm's names, or any names with timm's shapes in timm's order. The classifier's tensors
    are dropped, and the first convolution is summed over colours.

    Args:
        path: A PyTorch or safetensors file.
        name: The timm backbone.

    Raises:
        UserError: The file is missing, does not contain weights, or contains those of another network.
    """
    loaded = _load_tensors(path)
    reference = timm.create_model(name, pretrained=False)
    renamed = _match(loaded, reference, path, name)
    kept = timm.create_model(name, pretrained=False, in_chans=1, num_classes=0).state_dict()
    weights = {key: tensor for key, tensor in renamed.items() if key in kept}
    for layer in _layers(reference, "first_conv"):
        key = f"{layer}.weight"
        if key in weights:
            weights[key] = adapt_input_conv(1, weights[key])
    return kept | weights


def _load_tensors(path: Path) -> dict[str, Tensor]:
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
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(
            f"model.weights {path} does not contain a dictionary of tensors; give a file with a model's state_dict."
        )
    return content


def _match(loaded: Mapping[str, Tensor], reference: nn.Module, path: Path, name: str) -> Mapping[str, Tensor]:
    """Rename the tensors of `loaded` to timm's names.

    Raises:
        UserError: They are those of another network.
    """
    # Older files lack the batch counts of batch normalisation.
    expected_shapes = {key: tensor.shape for key, tensor in _without_batch_counts(reference.state_dict()).items()}
    loaded_tensors = _without_batch_counts(loaded)
    classifier = tuple(f"{key}." for key in _layers(reference, "classifier"))
    without_classifier = {key: shape for key, shape in expected_shapes.items() if not key.startswith(classifier)}

    if all(key in loaded_tensors and loaded_tensors[key].shape == shape for key, shape in without_classifier.items()):
        return loaded_tensors
    for shapes in (expected_shapes, without_classifier):
        pairs = list(zip(shapes, loaded_tensors, strict=False))
        # Weight and bias of a normalisation layer have the same shape; the last part of the name distinguishes them.
        if len(shapes) == len(loaded_tensors) and all(
            shapes[key] == loaded_tensors[other].shape and _same_role(key, other) for key, other in pairs
        ):
            return {key: loaded_tensors[other] for key, other in pairs}
    problem = _mismatch(loaded_tensors, without_classifier, name)
    raise UserError(
        f"model.weights {path} do not fit model.backbone {name}: {problem}. "
        "Give weights of this backbone, or the backbone of these weights."
    )


def _without_batch_counts(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}


def _mismatch(loaded_tensors: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], name: str) -> str:
    """Return why tensors do not have the names and shapes of a backbone, as a clause."""
    if not shapes.keys() & loaded_tensors.keys():
        return f"its {len(loaded_tensors)} tensors have neither the names nor the order and shapes of {name}"
    wrong = next(key for key in shapes if key not in loaded_tensors or loaded_tensors[key].shape != shapes[key])
    if wrong not in loaded_tensors:
        return f"{wrong} is missing"
    return f"{wrong} has shape {tuple(loaded_tensors[wrong].shape)}, not {tuple(shapes[wrong])}"


def _same_role(name: str, other: str) -> bool:
    roles = {"weight", "bias", "running_mean", "running_var"}
    role, other_role = name.rpartition(".")[2], other.rpartition(".")[2]
    return role == other_role or not {role, other_role} <= roles


def _layers(network: nn.Module, role: str) -> tuple[str, ...]:
    """Return the names of the layers with a role ("classifier", "first_conv") in timm's config of the network."""
    pretrained_cfg: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    names = pretrained_cfg.get(role) or ()
    return (names,) if isinstance(names, str) else tuple(names)
