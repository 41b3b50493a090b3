"""The command `explain`: draw maps of what moved the model's logit."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xray import NOTICE
from xray.explain.folder import TABLE, check_out, may_replace, picture_names, write_table
from xray.utils.errors import UserError
from xray.utils.files import atomic_folder
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
    allow_undecided: bool = False,
) -> int:
    """Draw each image with maps of what moved the model's logit, with probability, threshold and scales.

    A map neither outlines a finding nor proves that there is one.

    Args:
        images: Files and folders; folders are searched at any depth for images.
        ckpt_path: A checkpoint, an exported model, a run or an experiment; by default the best checkpoint of the newest
            run.
        out: Folder for one PNG per image and a table; earlier explanations in it are replaced.
        method: gradcam needs one pass of the network, occlusion about two hundred; both if the network supports both.
        reject_ood: False also explains images that do not look like chest X-rays; their probability means nothing.
        allow_undecided: True also takes a model of an interrupted fit, with threshold 0.5 and without OOD check.

    Returns:
        The exit status: 1 if an image could not be read. Unreadable and rejected images are reported on stderr; the
        others are explained.

    Raises:
        UserError: There is no readable image or no model, the model does not support the method, or `out` holds other
            files.
    """
    from xray.data.index.image_files import find_images
    from xray.utils.library_warnings import silence_libraries

    silence_libraries()
    paths = find_images(images)
    check_out(out)
    # Imported late, so that a wrong path is reported at once.
    from xray.data.decode.errors import UnreadableImageError
    from xray.explain.draw import draw_image
    from xray.predictor.decision_model import DecisionModel
    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model

    predictor = open_predictor(find_model(str(ckpt_path or "")), allow_undecided=allow_undecided)
    manifest = predictor.manifest
    methods = choose_methods(method, predictor)
    print(f"{'Checkpoint' if manifest.format == 'checkpoint' else 'Model'} {printable(str(predictor.path))}")
    decision_model = DecisionModel(predictor, reject_ood)
    rows: list[tuple[str | float, ...]] = []
    unreadable = 0
    try:
        with atomic_folder(out, may_replace) as folder:
            for path, name in with_progress(
                zip(paths, picture_names(paths), strict=True), "Explaining images", len(paths)
            ):
                try:
                    prediction = draw_image(path, folder / name, decision_model, methods)
                except UnreadableImageError as error:
                    unreadable += 1
                    print(f"xray: {printable(f'cannot read {path}: {error}')}", file=sys.stderr)
                    continue
                if prediction.reject_reason:
                    print(f"xray: {printable(f'rejected {path}: {prediction.reject_reason}')}", file=sys.stderr)
                    continue
                numbers = prediction.logit, prediction.probability, manifest.threshold
                rows.append((name, str(path), *numbers, prediction.decision))
            if unreadable == len(paths):
                raise UserError("None of the images can be read: nothing was written.")
            write_table(folder / TABLE, rows)
    except OSError as error:
        raise UserError(f"--out {out} cannot be written ({error.strerror or error}): choose another folder.") from error
    if len(rows) == 1:
        print(f"{printable(str(rows[0][1]))}: {rows[0][5]}, probability of {manifest.class_names[1]} {rows[0][3]:.4f}")
    print(f"Written: {printable(str(out))}/ ({len(rows)} images and {TABLE})")
    print(NOTICE)
    return int(unreadable > 0)


def choose_methods(choice: MethodChoice, predictor: "Predictor") -> list["Method"]:
    """Return the chosen methods that the model supports; print a note if "both" is reduced to one.

    Raises:
        UserError: Grad-CAM is chosen, but the model does not support it.
    """
    if choice == "occlusion" or predictor.manifest.has_grad_cam:
        return ["gradcam", "occlusion"] if choice == "both" else [choice]
    if choice == "gradcam":
        from xray.predictor.base import no_grad_cam_error

        raise no_grad_cam_error(predictor.path)
    print("This model has no Grad-CAM: only occlusion is drawn.")
    return ["occlusion"]
