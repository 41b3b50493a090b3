"""A file of torch.export: the graph of a network without the code that made it."""

from pathlib import Path

import numpy as np
import torch

from xray.errors import UserError
from xray.predictor.base import BATCH, Films, Maps
from xray.predictor.exported import no_grad_cam
from xray.predictor.manifest import MANIFEST_KEY, Manifest, Scores
from xray.processor import prepare_torch

MANIFEST_FILE = f"{MANIFEST_KEY}.json"
"""Name of the manifest in the file."""


class ProgramPredictor:
    """Runs a torch file of `xray export`, by torch alone.

    Args:
        path: The file.

    Raises:
        UserError: It is damaged, or none of ours.
    """

    def __init__(self, path: Path) -> None:
        prepare_torch()
        extra = {MANIFEST_FILE: ""}
        try:
            program = torch.export.load(path, extra_files=extra)
            self.manifest = Manifest.from_json(extra[MANIFEST_FILE])
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{path} cannot be used as an exported model ({reason}): export it anew with 'python -m xray export'."
            ) from error
        self._module = program.module()
        self.path = path

    def logits(self, films: Films) -> Scores:
        """See `Predictor.logits`."""
        return self._run(0, films)

    def grad_cam(self, films: Films) -> Maps:
        """See `Predictor.grad_cam`."""
        if not self.manifest.has_grad_cam:
            raise no_grad_cam(self.path)
        return self._run(2, films)

    def _run(self, output: int, films: Films) -> Scores:
        with torch.inference_mode():
            batches = torch.split(torch.tensor(films).unsqueeze(1), BATCH)
            parts = [self._module(batch)[output].numpy() for batch in batches]
        return np.concatenate(parts).astype(np.float64)
