"""Quantise an exported network to int8, and measure the loss and gain."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx

from xray.data.arrays import Images
from xray.evaluation.arrays import Labels
from xray.evaluation.ranking import auroc
from xray.predictor.base import BATCH, Predictor
from xray.predictor.onnx_file import IMAGES, OnnxPredictor

CALIBRATION_IMAGES = 256
"""Number of training images from which the range of every tensor is estimated."""
ROUNDS = 15
QUANTISED = ("Conv", "Relu", "Clip", "Add", "Mul")
"""Node types to quantise; pooling and the final layer stay in single precision."""


def quantise(single: Path, out: Path, images: Images) -> None:
    """Quantise an exported ONNX file of single precision.

    Weights become int8 with a scale per channel, activations uint8 with a scale per tensor, from the minimum and
    maximum on training images (Jacob et al., Quantization and training of neural
    networks for efficient integer-arithmetic-only inference, CVPR 2018).

    Args:
        single: The file in single precision.
        out: The file to write; it gets no new manifest.
        images: Training images, shape (images, size, size).
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        """Batches of images in the interface of the library."""

        def __init__(self) -> None:
            starts = range(0, len(images), BATCH)
            self._batches: Iterator[dict[str, Images]] = iter([{IMAGES: images[i : i + BATCH, None]} for i in starts])

        def get_next(self) -> dict[str, Images] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(single, prepared, skip_symbolic_shape=True)
        # Single-channel convolutions are slower in int8 (five times in SimpleCNN) and less exact.
        stem = next(node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv")
        quantize_static(
            prepared,
            out,
            Batches(),
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=[stem],
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def measure_quantisation(single: Path, quantised: Path, images: Images, labels: Labels) -> dict[str, Any]:
    """Measure the loss and gain of quantisation.

    Args:
        single: The file in single precision.
        quantised: The quantised file.
        images: Validation images, shape (images, size, size).
        labels: 0 or 1, shape (images,), of both classes.

    Returns:
        Plain values: number of images, AUROC of both files, largest difference in logit, fraction of images with
        another decision, and the speed-up on one thread for one image and for a batch.
    """
    one, other = OnnxPredictor(single, threads=1), OnnxPredictor(quantised, threads=1)
    logits = one.logits(images), other.logits(images)
    positive = [one.manifest.probability(values) >= one.manifest.threshold for values in logits]
    return {
        "images": len(images),
        "auroc_fp32": auroc(labels, logits[0]),
        "auroc_int8": auroc(labels, logits[1]),
        "largest_difference": float(np.abs(logits[0] - logits[1]).max()),
        "decided_otherwise": float(np.mean(positive[0] != positive[1])),
        "speed_of_one": _speed(one, other, images[:1]),
        "speed_of_batch": _speed(one, other, images[:BATCH]),
    }


def _speed(one: Predictor, other: Predictor, images: Images) -> float:
    """Return the speed-up of `other` over `one`, from medians of alternating rounds."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for predictor, taken in zip((one, other), seconds, strict=True):
            start = time.perf_counter()
            predictor.logits(images)
            taken.append(time.perf_counter() - start)
    return median(seconds[0]) / median(seconds[1])
