"""A file of torch.export: the graph of a network without the code that made it."""

import logging
from pathlib import Path

import numpy as np
import torch

from xray.data.arrays import Images
from xray.predictor.base import BATCH, Maps, no_grad_cam, unusable
from xray.predictor.manifest import Manifest, Scores
from xray.runs.model_file import PROGRAM_MANIFEST
from xray.utils.hardware import prepare_torch

# What it has to say about a file is of no use to whoever named it.
logging.getLogger("torch.export").setLevel(logging.CRITICAL)


class ProgramPredictor:
    """Runs a torch file of `xray export`, by torch alone.

    Args:
        path: The file.

    Raises:
        UserError: It is damaged, or none of ours.
    """

    def __init__(self, path: Path) -> None:
        prepare_torch()
        extra = {PROGRAM_MANIFEST: ""}
        try:
            program = torch.export.load(path, extra_files=extra)
            self.manifest = Manifest.from_json(extra[PROGRAM_MANIFEST], "torch")
        except RuntimeError as error:  # it points to the warnings that are switched off above
            raise unusable(path, "torch cannot read its graph") from error
        except Exception as error:
            raise unusable(path, error) from error
        self._module = program.module()
        self.path = path

    def logits(self, images: Images) -> Scores:
        """See `Predictor.logits`."""
        return self._run(0, images)

    def grad_cam(self, images: Images) -> Maps:
        """See `Predictor.grad_cam`."""
        if not self.manifest.has_grad_cam:
            raise no_grad_cam(self.path)
        return self._run(2, images)

    def _run(self, output: int, images: Images) -> Scores:
        with torch.inference_mode():
            batches = torch.split(torch.tensor(images).unsqueeze(1), BATCH)
            parts = [self._module(batch)[output].numpy() for batch in batches]
        return np.concatenate(parts).astype(np.float64)
