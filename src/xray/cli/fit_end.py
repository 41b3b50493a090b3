"""Make sure that a fit leaves a model, or says why not."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.utilities.exceptions import SIGTERMException

from xray.callbacks.checkpoint import RunCheckpoint
from xray.callbacks.loggers import has_tensorboard_log
from xray.data.datamodule import ChestXRayDataModule
from xray.data.image_data import ImageData
from xray.models.base import ImageClassifier
from xray.runs.run import Run
from xray.runs.settings import CHECKPOINTS, LOGS
from xray.scoring.calibrate import complete_checkpoint
from xray.utils.errors import UserError


def finish_fit(run: Run, trainer: Trainer, model: ImageClassifier, data: ImageData) -> None:
    """Fit the decision of the best checkpoint on the validation images, and print what to do next.

    Raises:
        UserError: There is no best checkpoint.
    """
    (checkpoint, *_) = [*(each for each in trainer.checkpoint_callbacks if isinstance(each, RunCheckpoint)), None]
    if checkpoint is None:
        print(f"No checkpoint was kept, as trainer.enable_checkpointing is false; logs in {run.logs}")
        return
    keep_average(run, checkpoint, trainer, model, data)
    if not run.best.is_file():
        raise UserError(
            f"The run {run.name} ends without {run.best}, since {checkpoint.monitor} was never measured at the end of "
            "an epoch: let it validate, with --trainer.check_val_every_n_epoch 1 and at least one whole epoch."
        )
    complete_checkpoint(run.best, data, run.logs)
    print(f"Best checkpoint: {run.best}")
    print(next_steps(run, data))


def next_steps(run: Run, data: ImageData) -> str:
    """Return how to test the model of a finished fit, and how to see its log.

    Args:
        run: The run; one in other folders than `logs` and `checkpoints` is found by its saved config.
        data: The data of the fit.
    """
    logs, checkpoints = run.logs.parent.parent, run.checkpoints.parent.parent
    option = "" if (logs, checkpoints) == (LOGS, CHECKPOINTS) else f" --config {shlex.quote(str(run.config))}"
    test = f"python -m xray test{option}"
    steps = [f"Next: {test}"]
    if not data.has_test:
        steps = [f"There are no test images in {data.source_name}"]
        if isinstance(data, ChestXRayDataModule):
            steps[0] += f": test other images with '{test} --data.root DIR', or fit with --data.test_fraction 0.2"
        else:
            steps[0] += ", since it has no test_dataloader: nothing can be tested"
    if has_tensorboard_log(run.logs):
        steps.append(f"tensorboard --logdir {shlex.quote(str(logs))}")
    return "; ".join(steps)


def keep_average(
    run: Run, checkpoint: RunCheckpoint, trainer: Trainer, model: ImageClassifier, data: ImageData
) -> None:
    """Validate the weights that StochasticWeightAveraging leaves after training, and keep them if they are the best.

    Networks with batch normalisation are validated by Lightning, in an epoch for its statistics.
    """
    averaging = any(isinstance(each, StochasticWeightAveraging) for each in trainer.callbacks)  # type: ignore[attr-defined]
    if not averaging or StochasticWeightAveraging.pl_module_contains_batch_norm(model) or trainer.world_size > 1:
        return
    (metrics,) = trainer.validate(model, data, verbose=False)
    value, best = metrics[str(checkpoint.monitor)], checkpoint.best_model_score
    better = best is None or (value < best if checkpoint.mode == "min" else value > best)
    if better:
        trainer.save_checkpoint(run.best)
    outcome = "it is kept" if better else "an epoch is better"
    print(f"The average of the weights has {checkpoint.monitor} {value:.4f}: {outcome}")


@contextmanager
def finishing_if_interrupted(run: Run | None, trainer: Trainer, data: ImageData) -> Iterator[None]:
    """Complete the best checkpoint so far of a fit that is stopped by Ctrl-C or SIGTERM, and say how to go on.

    Args:
        run: The run; None if it writes nothing.
        trainer: Its trainer.
        data: Its data.
    """
    on_keyboard = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, on_keyboard)  # Lightning ignores further ones; a second one ends at once
        if run is not None:
            finish_interrupted(run, data)
        # After Ctrl-C, Lightning exits as if it had failed.
        raise stop if isinstance(stop, SIGTERMException) else KeyboardInterrupt from None


def finish_interrupted(run: Run, data: ImageData) -> None:
    """Fit the decision of the best checkpoint so far, and say how to go on."""
    if run.best.is_file():
        print(f"Stopped: fitting the decision of {run.best}, the best epoch so far. A second signal ends at once.")
        complete_checkpoint(run.best, data, run.logs)
    if run.last.is_file():
        text = f"go on with: python -m xray fit --config {run.config} --ckpt_path {run.last}"
    else:
        text = f"no epoch was finished, so there is nothing to go on with in {run.checkpoints}."
    print(f"xray: {text}", file=sys.stderr)
