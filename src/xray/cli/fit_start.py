"""Set up the model and the data of a fit, and check all that can go wrong before the run writes anything."""

from lightning.pytorch import Trainer

from xray.cli.fit_checks import check_monitors, check_optimizer, check_resumed
from xray.cli.resolve_checkpoint import reject_fitted_images
from xray.data.image_data import ImageData
from xray.models.base import ImageClassifier
from xray.models.trial import check_compiler, try_model
from xray.runs.checkpoint import Checkpoint, load_weights
from xray.utils.errors import UserError


def prepare_fit(model: ImageClassifier, data: ImageData, trainer: Trainer, resumed: Checkpoint | None) -> None:
    """Load the weights and the images of a fit, cheap checks first.

    Args:
        model: The model.
        data: Not set up yet.
        trainer: The trainer.
        resumed: The checkpoint that the fit continues, if any.

    Raises:
        UserError: The fit cannot work.
    """
    if resumed is None:
        model.prepare_weights()
    else:
        load_weights(model, resumed)
        check_epochs_left(resumed, trainer.max_epochs)
    check_compiler(model)
    known_size = data.image_size  # 0 if only the images tell it
    if known_size:
        try_model(model, known_size)
    data.setup("fit")
    if not known_size:
        try_model(model, data.image_size)
    if resumed is not None:
        check_resumed(resumed, data)
        data.trained_before = reject_fitted_images(resumed, data, "val")
    check_monitors(trainer, model)
    check_optimizer(model, data, trainer.strategy.root_device)


def check_epochs_left(resumed: Checkpoint, max_epochs: int | None) -> None:
    """Check that a checkpoint to continue has not been trained for all epochs already.

    Raises:
        UserError: Nothing is left to train.
    """
    done = resumed.content["epoch"] + 1
    if max_epochs is not None and 0 <= max_epochs <= done:
        raise UserError(
            f"{resumed.path} was trained for {done} epochs and trainer.max_epochs is {max_epochs}: nothing is left to "
            f"train; give more with --trainer.max_epochs {done + 5}."
        )
