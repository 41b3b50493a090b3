"""Predict with an exported ONNX file (no torch import)."""

from pathlib import Path

import numpy as np

from xray.data.arrays import Images
from xray.predictor.base import BATCH, Maps, no_grad_cam, unusable
from xray.predictor.manifest import MANIFEST_KEY, Manifest, Scores
from xray.runs.model_file import no_model
from xray.utils.errors import require_extra
from xray.utils.hardware import usable_cores

IMAGES, LOGIT, GRAD_CAM = "images", "logit", "grad_cam"
"""Names of the graph's input and outputs."""


class OnnxPredictor:
    """Runs an ONNX file of `xray export` by ONNX Runtime.

    Args:
        path: The file.
        threads: Threads of one computation; by default one for each usable core.

    Raises:
        UserError: It is damaged, or none of ours.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        require_extra("export", f"the ONNX file {path}", "onnxruntime")
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument, InvalidProtobuf

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        # Whatever it has to say about a file ends up in the exception.
        options.log_severity_level = 4
        # Threads that wait for work would take the cores from whoever decodes images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # It lays memory out anew for each size of a batch, and keeps all of them: a service would seem to grow.
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (InvalidArgument, InvalidProtobuf) as error:  # no ONNX at all
            raise no_model(path) from error
        except Exception as error:
            raise unusable(path, error) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if MANIFEST_KEY not in metadata:
            raise no_model(path)
        try:
            self.manifest = Manifest.from_json(metadata[MANIFEST_KEY], "onnx")
            self._input = self._session.get_inputs()[0].name
            outputs = {output.name for output in self._session.get_outputs()}
            if LOGIT not in outputs or (self.manifest.has_grad_cam and GRAD_CAM not in outputs):
                raise ValueError("its graph lacks an output that its manifest promises")
        except ValueError as error:
            raise unusable(path, error) from error
        self.path = path

    def logits(self, images: Images) -> Scores:
        """See `Predictor.logits`."""
        return self._run(LOGIT, images)

    def grad_cam(self, images: Images) -> Maps:
        """See `Predictor.grad_cam`."""
        if not self.manifest.has_grad_cam:
            raise no_grad_cam(self.path)
        return self._run(GRAD_CAM, images)

    def _run(self, output: str, images: Images) -> Scores:
        parts = [
            self._session.run([output], {self._input: images[start : start + BATCH, None]})[0]
            for start in range(0, max(1, len(images)), BATCH)
        ]
        return np.concatenate(parts).astype(np.float64)
