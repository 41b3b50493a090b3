"""The command export: from a checkpoint to one file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xray import NOTICE
from xray.predictor.manifest import MANIFEST_KEY
from xray.runs.model_file import SUFFIXES, kind_of
from xray.runs.run import find_model
from xray.utils.errors import UserError, require_extra
from xray.utils.files import link_target, why_not_writable

if TYPE_CHECKING:
    from xray.data.arrays import Images
    from xray.data.datamodule import ChestXRayDataModule

RAW_IMAGES = 24
"""Images that are verified from their pixels as stored."""


def export(
    run: str = "",
    format: Literal["onnx", "torch"] = "onnx",
    precision: Literal["fp32", "int8"] = "fp32",
    out: Path | None = None,
    license: str = "not stated",
    data_root: Path | None = None,
) -> None:
    """Export a trained model as one file that predict and serve read, and whatever else reads its format.

    The file takes grey bytes of any size in batches, and carries resizing, normalisation, temperature,
    threshold, class names, version, fingerprint of the training data and licence. It is compared with its checkpoint on
    the validation images before it is kept.

    Args:
        run: A run such as cnn/version_0, an experiment (its newest run), or a checkpoint; by default the newest run.
        format: onnx runs by ONNX Runtime, without torch; torch is a program of torch.export.
        precision: int8 is quicker and a little less exact, which is measured on the validation images; for onnx only.
        out: The file to write; by default beside the checkpoint, with its name.
        license: Under which the weights may be used, for the file's metadata.
        data_root: Where the data of the training lies now; by default where it lay then.

    Raises:
        UserError: There is no such run, its data is not at hand, the file is not to be overwritten, or it differs.
    """
    require_extra("export", "xray export", "onnx", "onnxscript", "onnxruntime")
    if format == "torch" and precision == "int8":
        raise UserError("--precision int8 is for --format onnx only: leave one of them out.", 2)
    path = find_model(run)
    tag = "" if precision == "fp32" else f".{precision}"
    out = out if out is not None else path.with_name(f"{path.stem}{tag}{SUFFIXES[format]}")
    if is_export(path):
        raise UserError(f"{path} is exported already: name its run, or the checkpoint that it was made from.")
    if (other := out.suffix) != SUFFIXES[format] and other in SUFFIXES.values():
        raise UserError(
            f"--out {out} has the suffix of another format: call it {out.with_suffix(SUFFIXES[format])}.", 2
        )
    target = link_target(out)
    check_out(target)
    from xray.runs.checkpoint import read_checkpoint
    from xray.utils.library_warnings import silence_libraries

    silence_libraries()
    checkpoint = read_checkpoint(path)
    from xray.export.images import some_files, some_images, training_data
    from xray.export.network import ExportedClassifier
    from xray.export.verify import verify
    from xray.export.write import trace, write_onnx, write_program
    from xray.predictor.open import open_predictor
    from xray.predictor.trained import CheckpointPredictor

    print(f"Checkpoint {path}")
    data = training_data(checkpoint, data_root)
    trained = CheckpointPredictor(checkpoint)
    images = some_images(data, "val", len(data.images["val"]))
    found = trained.activation
    activation = found if found is not None and found.is_sum else None
    if activation is None:
        print("Without Grad-CAM, since the logit of this network is no sum over its last map; occlusion is there.")
    manifest = replace(trained.manifest, format=format, license=license, has_grad_cam=activation is not None)
    program = trace(ExportedClassifier(trained.model.cpu(), manifest.image_size, manifest.resize, activation))
    with folder_beside(target) as folder:
        made = folder / f"model{SUFFIXES[format]}"
        (write_onnx if format == "onnx" else write_program)(made, program, manifest)
        verified = verify(trained, open_predictor(made), images, some_files(data, "val", RAW_IMAGES))
        print(
            f"Verified: on {verified.images} validation images, {verified.raw} of them resized by the file itself, its "
            f"logits differ by at most {verified.difference:.1e}"
        )
        if precision == "int8":
            made = quantised(made, data, images)
        os.replace(made, target)  # noqa: PTH105 - both are in one folder
    print(f"Written: {out} ({out.stat().st_size / 1e6:.1f} MB, {manifest.model} {manifest.version})")
    print(NOTICE)


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """A temporary folder on the disk of the file that is made in it.

    Raises:
        UserError: What was to be written could not be.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise UserError(f"--out {out} cannot be written ({error.strerror or error}): name another file.") from error


def quantised(single: Path, data: "ChestXRayDataModule", images: "Images") -> Path:
    """Quantise a file beside itself, measure that on the validation images, and say so.

    Args:
        single: The file in single precision.
        data: The data of the training.
        images: Its validation images.
    """
    import numpy as np
    import onnx

    from xray.export.images import some_images
    from xray.export.quantise import CALIBRATION_IMAGES, compare, quantise
    from xray.export.write import describe, manifest_in

    made = single.with_name("quantised.onnx")
    quantise(single, made, some_images(data, "train", CALIBRATION_IMAGES))
    model = onnx.load(made)
    # As of `single` so far, so that it can be opened to be measured.
    manifest = manifest_in(onnx.load(single, load_external_data=False))
    describe(model, manifest)
    onnx.save(model, made)
    measured = compare(single, made, images, np.array([image.label for image in data.images["val"]]))
    describe(model, replace(manifest, precision="int8", version=f"{manifest.version}-int8", measured=measured))
    onnx.save(model, made)
    print(
        "int8 on {images} validation images: AUROC {auroc_int8:.4f} instead of {auroc_fp32:.4f}, logits differ by at "
        "most {largest_difference:.2f}, {decided_otherwise:.1%} are decided otherwise; {speed_of_one:.2f} times as "
        "quick for one image, {speed_of_batch:.2f} for a batch, on one thread".format(**measured)
    )
    return made


def is_export(path: Path) -> bool:
    """Whether a file is an export of ours, also one of another version that cannot be opened any more."""
    try:
        kind = kind_of(path)
    except UserError:
        return False
    if kind != "onnx":
        return kind == "torch"
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError:
        return False
    return any(entry.key == MANIFEST_KEY for entry in model.metadata_props)


def check_out(out: Path) -> None:
    """Reject, before any work is done, to write over anything but an earlier export.

    Raises:
        UserError: `out` is something else, or cannot be written.
    """
    if out.exists() and not is_export(out):
        raise UserError(f"--out {out} exists and is no exported model: it is left alone; name another file.")
    if reason := why_not_writable(out):
        raise UserError(f"--out {out} cannot be written ({reason}): name another file.")
