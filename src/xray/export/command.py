"""The command `export`: a checkpoint to an ONNX or torch.export file."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xray import NOTICE
from xray.predictor.manifest import MANIFEST_KEY, Manifest
from xray.runs.model_file import SUFFIXES, detect_format
from xray.runs.run import find_model
from xray.utils.errors import UserError, require_extra
from xray.utils.files import atomic_path, why_not_writable

if TYPE_CHECKING:
    from xray.data.arrays import Images
    from xray.data.image_data import ImageData

RAW_IMAGES = 24
"""Number of images that are verified at their original size."""


def export(
    run: str = "",
    format: Literal["onnx", "torch"] = "onnx",
    precision: Literal["fp32", "int8"] = "fp32",
    out: Path | None = None,
    license: str = "not stated",
    data_root: Path | None = None,
    allow_undecided: bool = False,
) -> None:
    """Export a trained model to one file for predict, serve and other programs.

    The file takes batches of uint8 images of any size and contains resizing, normalisation, temperature, threshold,
    class names, version, fingerprint of the training data and licence. It is kept only if its logits match those of its
    checkpoint on the validation images.

    Args:
        run: A run such as cnn/version_0, an experiment (its newest run), or a checkpoint; by default the newest run.
        format: onnx runs with ONNX Runtime, without torch; torch is a torch.export program.
        precision: int8 is faster and slightly less accurate, which is measured on the validation images; only for onnx.
        out: The file to write; by default next to the checkpoint, with its name.
        license: License of the weights, for the file's metadata.
        data_root: Current folder or table of the training data; by default the one in the checkpoint's config.
        allow_undecided: True also takes a model of an interrupted fit, with threshold 0.5 and without OOD check.

    Raises:
        UserError: There is no such run, its data is missing, `out` must not be overwritten, or the export differs.
    """
    if format == "onnx":
        require_extra("export", "xray export --format onnx", "onnx", "onnxscript", "onnxruntime")
    elif precision == "int8":
        raise UserError("--precision int8 only works with --format onnx: omit one of them.", 2)
    path = find_model(run)
    tag = "" if precision == "fp32" else f".{precision}"
    out = out if out is not None else path.with_name(f"{path.stem}{tag}{SUFFIXES[format]}")
    if is_export(path):
        raise UserError(f"{path} is already an exported model: give its run or its checkpoint.")
    if (other := out.suffix) != SUFFIXES[format] and other in SUFFIXES.values():
        raise UserError(f"--out {out} has the suffix of another format: use {out.with_suffix(SUFFIXES[format])}.", 2)
    check_out(out)
    from xray.runs.checkpoint import read_checkpoint
    from xray.utils.library_warnings import silence_libraries

    silence_libraries()
    checkpoint = read_checkpoint(path)
    from xray.export.images import evenly_spaced_files, evenly_spaced_images, training_data
    from xray.export.network import ExportedClassifier
    from xray.export.verify import verify
    from xray.export.write import trace, write_onnx, write_program
    from xray.predictor.checkpoint import CheckpointPredictor
    from xray.predictor.open import open_predictor, require_decision

    trained = CheckpointPredictor(checkpoint)
    if not allow_undecided:
        require_decision(trained)
    print(f"Checkpoint {path}")
    data = training_data(checkpoint, data_root)
    images = evenly_spaced_images(data, "val", len(data.images["val"]))
    # Without the exact sum Grad-CAM would need gradients, which an export does not have.
    feature_map = trained.feature_map if trained.feature_map is not None and trained.feature_map.is_exact else None
    if feature_map is None:
        print(
            "Exported without Grad-CAM, since this network's logit is not a sum over its last feature map: "
            "explain it with --method occlusion."
        )
    manifest = replace(trained.manifest, format=format, license=license, has_grad_cam=feature_map is not None)
    program = trace(ExportedClassifier(trained.model.cpu(), manifest.image_size, manifest.resize, feature_map))
    try:
        with atomic_path(out) as exported:
            (write_onnx if format == "onnx" else write_program)(exported, program, manifest)
            files = evenly_spaced_files(data, "val", RAW_IMAGES)
            difference = verify(trained, open_predictor(exported, allow_undecided=True), images, files)
            print(
                f"Verified{' before quantisation' if precision == 'int8' else ''}: on {len(images)} validation images, "
                f"{len(files)} of them at original size, the logits differ by at most {difference:.1e}"
            )
            if precision == "int8":
                manifest = replace_by_int8(exported, manifest, data, images)
    except OSError as error:
        raise UserError(f"--out {out} cannot be written ({error.strerror or error}): choose another file.") from error
    print(f"Written: {out} ({out.stat().st_size / 1e6:.1f} MB, {manifest.model} {manifest.version})")
    print(NOTICE)


def replace_by_int8(exported: Path, manifest: Manifest, data: "ImageData", images: "Images") -> Manifest:
    """Quantise an exported file in place; measure and print the loss and gain on the validation images.

    Args:
        exported: The file in single precision.
        manifest: Its manifest.
        data: The training data.
        images: Its validation images, shape (images, size, size), uint8.

    Returns:
        The manifest of the quantised file.
    """
    import numpy as np
    import onnx

    from xray.export.images import evenly_spaced_images
    from xray.export.quantise import CALIBRATION_IMAGES, measure_quantisation, quantise
    from xray.export.write import write_metadata

    with tempfile.TemporaryDirectory() as folder:
        quantised = Path(folder) / "quantised.onnx"
        quantise(exported, quantised, evenly_spaced_images(data, "train", CALIBRATION_IMAGES))
        model = onnx.load(quantised)
        # The manifest of the file in single precision for now, so that the quantised one can be opened and measured.
        write_metadata(model, manifest)
        onnx.save(model, quantised)
        measured = measure_quantisation(
            exported, quantised, images, np.array([image.label for image in data.images["val"]])
        )
    manifest = replace(manifest, precision="int8", version=f"{manifest.version}-int8", measured=measured)
    write_metadata(model, manifest)
    onnx.save(model, exported)
    print(
        "int8 on {images} validation images: AUROC {auroc_int8:.4f} instead of {auroc_fp32:.4f}, logits differ by at "
        "most {largest_difference:.2f}, {decided_otherwise:.1%} of the decisions change; speed-up {speed_of_one:.2f} "
        "for one image, {speed_of_batch:.2f} for a batch, on one thread".format(**measured)
    )
    return manifest


def is_export(path: Path) -> bool:
    """Return whether a file was exported by xray, even if by a version whose files can no longer be opened."""
    try:
        format = detect_format(path)
    except UserError:
        return False
    if format != "onnx":
        return format == "torch"
    require_extra("export", f"checking whether {path} is an ONNX file of xray", "onnx")
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError:
        return False
    return any(entry.key == MANIFEST_KEY for entry in model.metadata_props)


def check_out(out: Path) -> None:
    """Check, before any work is done, that `out` is new or an earlier export.

    Raises:
        UserError: `out` is anything else, or not writable.
    """
    if out.exists() and not is_export(out):
        raise UserError(f"--out {out} exists and is not an exported model: choose another file.")
    if reason := why_not_writable(out):
        raise UserError(f"--out {out} cannot be written ({reason}): choose another file.")
