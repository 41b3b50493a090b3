"""Predict with a torch.export file."""

import logging
from pathlib import Path

import numpy as np
import torch

from xray.data.arrays import Images
from xray.evaluation.arrays import Scores
from xray.predictor.base import BATCH, Maps, no_grad_cam_error, unusable_error
from xray.predictor.manifest import Manifest
from xray.runs.model_file import PROGRAM_MANIFEST
from xray.utils.hardware import prepare_torch

# Its log messages about a file are of no use to users.
logging.getLogger("torch.export").setLevel(logging.CRITICAL)


class ProgramPredictor:
    """Run a torch file of `xray export` with torch only.

    Raises:
        UserError: The file is damaged or was not exported by xray.
    """

    def __init__(self, path: Path) -> None:
        prepare_torch()
        extra = {PROGRAM_MANIFEST: ""}
        try:
            program = torch.export.load(path, extra_files=extra)
            self.manifest = Manifest.from_json(extra[PROGRAM_MANIFEST], "torch")
        except RuntimeError as error:  # its message refers to the logs that are switched off above
            raise unusable_error(path, "torch cannot read its graph") from error
        except Exception as error:
            raise unusable_error(path, error) from error
        self._module = program.module()
        self.path = path

    def logits(self, images: Images) -> Scores:
        """See `Predictor.logits`."""
        return self._run(0, images)

    def grad_cam(self, images: Images) -> Maps:
        """See `Predictor.grad_cam`."""
        if not self.manifest.has_grad_cam:
            raise no_grad_cam_error(self.path)
        return self._run(2, images)

    def _run(self, output: int, images: Images) -> Scores:
        with torch.inference_mode():
            batches = torch.split(torch.tensor(images).unsqueeze(1), BATCH)
            parts = [self._module(batch)[output].numpy() for batch in batches]
        return np.concatenate(parts).astype(np.float64)
