"""What people use in Python and in notebooks: `from xray import load_model, evaluate, audit`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from xray.audit import find_problems as audit
from xray.evaluation.evaluate import Evaluation, evaluate
from xray.utils.errors import require_extra
from xray.utils.files import user_path

if TYPE_CHECKING:
    from pandas import DataFrame

    from xray.predictor.base import Predictor
    from xray.predictor.manifest import Manifest

__all__ = ["Evaluation", "Model", "audit", "evaluate", "load_model"]


class Model:
    """A trained model, called with image files.

    Args:
        predictor: The opened model file.
        reject_ood: Whether images that do not look like frontal chest X-rays are rejected instead of predicted.
    """

    def __init__(self, predictor: "Predictor", reject_ood: bool = True) -> None:
        self.predictor = predictor
        self.reject_ood = reject_ood

    @property
    def manifest(self) -> "Manifest":
        """Class names, threshold, temperature, version, and what the model was trained on."""
        return self.predictor.manifest

    def __call__(self, paths: str | Path | Iterable[str | Path]) -> "DataFrame":
        """Predict image files.

        Args:
            paths: A file, a folder, which is searched at any depth, or several of them.

        Returns:
            One row per image with the columns of the table that `python -m xray predict` writes. Rejected and
            unreadable images have a reason instead of a probability.

        Raises:
            UserError: There is no such file, or no image.
        """
        from pandas import DataFrame

        from xray.data.index.image_files import find_images
        from xray.evaluation.predictions import outcome_columns
        from xray.predictor.images import predict_images

        named = [paths] if isinstance(paths, str | Path) else list(paths)
        files = find_images([user_path(path) for path in named])
        columns = outcome_columns(predict_images(files, self.predictor, self.reject_ood))
        return DataFrame(columns).astype({"logit": float, "probability": float})

    def __repr__(self) -> str:
        manifest = self.manifest
        return f"<{manifest.model} {manifest.run or self.predictor.path}, version {manifest.version}>"


def load_model(name: str | Path = "", reject_ood: bool = True, allow_undecided: bool = False) -> Model:
    """Load a trained model, to be called with image files.

    Args:
        name: A run such as cnn/version_0, an experiment, a checkpoint or an exported file; by default the newest run.
        reject_ood: False predicts every readable image; for other images than chest X-rays this is meaningless.
        allow_undecided: True also takes a model of an interrupted fit, with threshold 0.5 and without OOD check.

    Raises:
        UserError: There is no such model, it is undecided, or pandas is not installed.
    """
    require_extra("tables", "a table of predictions in Python", "pandas")
    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model

    return Model(open_predictor(find_model(str(name)), allow_undecided=allow_undecided), reject_ood)
