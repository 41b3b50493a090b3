"""The command explain: over each image what moved the model's number."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xray import NOTICE
from xray.explain.folder import TABLE, check_out, holds_earlier, picture_names, write_table
from xray.utils.errors import UserError
from xray.utils.files import write_whole_folder
from xray.utils.progress import with_progress
from xray.utils.text import printable

if TYPE_CHECKING:
    from xray.explain.maps import Method
    from xray.predictor.base import Predictor

MethodChoice = Literal["both", "gradcam", "occlusion"]


def explain(
    images: Sequence[Path],
    ckpt_path: Path | None = None,
    out: Path = Path("explanations"),
    method: MethodChoice = "both",
    reject_ood: bool = True,
) -> int:
    """Show over images what moved the model's number: a picture for each, with probability, threshold and scales.

    A map is no outline of a finding and no proof that there is one.

    Args:
        images: Files and folders in any mix; folders are searched at any depth for JPEG, PNG and DICOM.
        ckpt_path: The model: a checkpoint, a file that export has written, a run or an experiment; by default the
            newest run's best.
        out: Folder for the pictures and a table of them; earlier explanations in it are replaced.
        method: gradcam takes one pass of the network, occlusion some two hundred; both where the network has both.
        reject_ood: False explains whatever can be read; of other pictures the number means nothing.

    Returns:
        The exit status: 1 where an image could not be read or was rejected; the others are explained all the same.

    Raises:
        UserError: There is no image, no model, no such map of it, or `out` is not to be overwritten.
    """
    from xray.data.index.folders import find_images

    paths = find_images(images)
    check_out(out)
    # Imported late, so that a wrong path is told in no time.
    from xray.explain.draw import draw_image
    from xray.predictor.decision_model import DecisionModel
    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model

    predictor = open_predictor(find_model(str(ckpt_path or "")))
    manifest = predictor.manifest
    methods = choose_methods(method, predictor)
    print(f"{'Checkpoint' if manifest.format == 'checkpoint' else 'Model'} {printable(str(predictor.path))}")
    decision_model = DecisionModel(predictor, reject_ood)
    rows: list[tuple[str | float, ...]] = []
    try:
        with write_whole_folder(out, holds_earlier) as folder:
            for path, name in with_progress(
                zip(paths, picture_names(paths), strict=True), "Explaining images", len(paths)
            ):
                prediction = draw_image(path, folder / name, decision_model, methods)
                if isinstance(prediction, str):
                    print(f"xray: {printable(prediction)}", file=sys.stderr)
                    continue
                numbers = prediction.logit, prediction.probability, manifest.threshold
                rows.append((name, str(path), *numbers, prediction.decision))
            if not rows:
                raise UserError("None of the images can be read and looks like a chest X-ray: nothing was written.")
            write_table(folder / TABLE, rows)
    except OSError as error:
        raise UserError(f"--out {out} cannot be written ({error.strerror or error}): name another folder.") from error
    if len(rows) == 1:
        print(f"{printable(str(rows[0][1]))}: {rows[0][5]}, probability of {manifest.class_names[1]} {rows[0][3]:.4f}")
    print(f"Written: {printable(str(out))}/ ({len(rows)} pictures, and {TABLE})")
    print(NOTICE)
    return int(len(rows) < len(paths))


def choose_methods(description: MethodChoice, predictor: "Predictor") -> list["Method"]:
    """The methods that a model has among those wished for; says so where it lacks one of both.

    Raises:
        UserError: It has none of them.
    """
    if description == "occlusion" or predictor.manifest.has_grad_cam:
        return ["gradcam", "occlusion"] if description == "both" else [description]
    if description == "gradcam":
        from xray.predictor.base import no_grad_cam_error

        raise no_grad_cam_error(predictor.path)
    print("This model has no Grad-CAM: occlusion alone.")
    return ["occlusion"]
