"""Check what a model needs before it is trained: a compiler, and a network that takes the images."""

import os
import shutil
import sys

import torch

from xray.models.base import ImageClassifier, one_logit_each
from xray.models.grad_cam import eval_mode
from xray.utils.errors import UserError


def try_model(model: ImageClassifier, size: int) -> None:
    """Check that the network takes images of a size and returns one logit for each.

    Args:
        model: The model; it is not changed.
        size: Image side in pixels.

    Raises:
        UserError: The network fails or returns something else.
    """
    if next(model.network.parameters(), None) is None:
        raise UserError(f"The network {model.title} has no parameters, so nothing could be trained.")
    images = torch.zeros(2, 1, size, size, dtype=torch.uint8, device=model.device)
    shape = f"(2, {model.in_channels}, {size}, {size})"
    outputs: list[object] = []
    hook = model.network.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        with eval_mode(model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            model(images)
    except Exception as error:  # any code of the user's may run here
        if outputs:
            raise _other_output(model, outputs[0], shape) from error
        reason = " ".join(str(error).split())[:300]
        mend = "another --data.image_size, or a network for this shape"
        if model.in_channels == 1 and "to have 3 channels" in reason:
            mend = "--model.in_channels 3, which repeats the grey channel"
        raise UserError(
            f"The network {model.title} fails on images of shape {shape} ({type(error).__name__}: {reason}): use "
            f"{mend}; --debug shows where."
        ) from error
    finally:
        hook.remove()
    output = outputs[0]
    if not isinstance(output, torch.Tensor) or one_logit_each(output).shape != (2,):
        raise _other_output(model, output, shape)


def check_compiler(model: ImageClassifier) -> None:
    """Check for a C++ compiler if the model is to be compiled, since torch would only fail at the first step.

    Raises:
        UserError: There is no compiler.
    """
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if model.compiles and shutil.which(compiler) is None:
        raise UserError(
            f"model.compile true needs a C++ compiler, and there is no {compiler}: install it, set the environment "
            "variable CXX to another one, or use --model.compile false."
        )


def _other_output(model: ImageClassifier, output: object, shape: str) -> UserError:
    returned = f"shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else f"a {type(output).__name__}"
    return UserError(
        f"The network {model.title} returns {returned} for images of shape {shape}: it must return one logit for each, "
        "shape (2, 1) or (2,)."
    )
