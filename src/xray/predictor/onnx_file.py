"""Predict with an exported ONNX file; imports no torch."""

from pathlib import Path

import numpy as np

from xray.data.arrays import Images
from xray.evaluation.arrays import Scores
from xray.predictor.base import BATCH, Maps, no_grad_cam_error, unusable_error
from xray.predictor.manifest import MANIFEST_KEY, Manifest
from xray.runs.model_file import not_a_model_error
from xray.utils.errors import require_extra
from xray.utils.hardware import usable_cores

IMAGES, LOGIT, GRAD_CAM = "images", "logit", "grad_cam"
"""Names of the graph's input and outputs."""


class OnnxPredictor:
    """Run an ONNX file of `xray export` with ONNX Runtime.

    Args:
        path: The file.
        threads: Threads per computation; by default one per usable core.

    Raises:
        UserError: The file is damaged or was not exported by xray.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        require_extra("export", f"the ONNX file {path}", "onnxruntime")
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument, InvalidProtobuf

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        # Fatal messages only: errors in the file are raised as exceptions.
        options.log_severity_level = 4
        # Spinning threads would take CPU time from the decoding of images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Otherwise a memory pattern would be kept for each batch size, and the memory of a service would grow.
        options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (InvalidArgument, InvalidProtobuf) as error:  # not an ONNX file
            raise not_a_model_error(path) from error
        except Exception as error:
            raise unusable_error(path, error) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if MANIFEST_KEY not in metadata:
            raise not_a_model_error(path)
        try:
            self.manifest = Manifest.from_json(metadata[MANIFEST_KEY], "onnx")
            self._input = self._session.get_inputs()[0].name
            outputs = {output.name for output in self._session.get_outputs()}
            if LOGIT not in outputs or (self.manifest.has_grad_cam and GRAD_CAM not in outputs):
                raise ValueError("its graph lacks an output of its manifest")
        except ValueError as error:
            raise unusable_error(path, error) from error
        self.path = path

    def logits(self, images: Images) -> Scores:
        """See `Predictor.logits`."""
        return self._run(LOGIT, images)

    def grad_cam(self, images: Images) -> Maps:
        """See `Predictor.grad_cam`."""
        if not self.manifest.has_grad_cam:
            raise no_grad_cam_error(self.path)
        return self._run(GRAD_CAM, images)

    def _run(self, output: str, images: Images) -> Scores:
        parts = [
            self._session.run([output], {self._input: images[start : start + BATCH, None]})[0]
            for start in range(0, max(1, len(images)), BATCH)
        ]
        return np.concatenate(parts).astype(np.float64)
