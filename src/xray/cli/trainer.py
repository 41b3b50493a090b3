"""The commands of LightningCLI: a run is fully described by its config."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from xray.callbacks.record import RunRecord
from xray.callbacks.score import ScoreWriter
from xray.cli.configs import named_configs, read_config
from xray.cli.error_messages import explain
from xray.cli.resolve_checkpoint import (
    Scored,
    check_like_training,
    config_for_scoring,
    find_scored,
    is_external,
    is_trial,
    reject_known,
)
from xray.cli.run_paths import checkpoint_root, logger_of, resume_path
from xray.data.datamodule import ChestXRayDataModule
from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier
from xray.runs.checkpoint import DECISION_KEY, Checkpoint, load_weights, read_checkpoint
from xray.runs.model_file import SUFFIXES
from xray.runs.run import LOGS, Run, claim_run, release_run
from xray.scoring.calibrate import RECORD, calibrate_checkpoint, complete_checkpoint
from xray.scoring.evaluate import Scoring
from xray.scoring.leakage import find_duplicates
from xray.utils.errors import UserError, user_error_in
from xray.utils.hardware import prepare_torch, usable_precision
from xray.utils.library_warnings import silence_libraries

__all__ = ["CNNClassifier", "TransferClassifier", "XrayCLI", "run_trainer_command"]
"""The models are imported so that a config may name them without their module."""


def run_trainer_command(command: str, words: Sequence[str]) -> None:
    """Carry out fit, validate, test or calibrate.

    Raises:
        UserError: The command line, the config, the data or the checkpoint is not as it should be.
    """
    silence_libraries()
    prepare_torch()
    for path in named_configs(words):
        read_config(path)
    wants_help = any(word in {"-h", "--help"} or word.startswith("--model.help") for word in words)
    if command == "fit" or wants_help:
        XrayCLI(command, words)
        return
    scored = find_scored(words)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "config.yaml"
        base.write_text(yaml.safe_dump(config_for_scoring(scored.checkpoint)), encoding="utf-8")
        XrayCLI(command, words, scored, base)


class XrayTrainer(Trainer):
    """Lightning's trainer, and what the command line does besides fitting and scoring."""

    def calibrate(
        self,
        model: ImageClassifier,
        ckpt_path: str | None = None,
        datamodule: ChestXRayDataModule | None = None,
    ) -> None:
        """Fit temperature, operating point and limits of rejection of a checkpoint anew, on validation images.

        What the command line takes its options from; the work is done by `XrayCLI.calibrate`.

        Args:
            model: The model with its weights.
            ckpt_path: A checkpoint, run or experiment; by default the newest run.
            datamodule: The validation images.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("XrayCLI.calibrate does it")


class XrayCLI(LightningCLI):
    """LightningCLI that gives each run one place, and always says which checkpoint it scores.

    Args:
        command: fit, validate, test or calibrate.
        words: The command line after it.
        scored: What all but fit work on.
        base: Config file below the user's: whatever the user says replaces it.
    """

    def __init__(
        self, command: str, words: Sequence[str], scored: Scored | None = None, base: Path | None = None
    ) -> None:
        self.scored = scored
        self.resumed: Checkpoint | None = None
        self.run: Run | None = None
        strict = {"exit_on_error": False, "allow_abbrev": False}
        try:
            super().__init__(
                ImageClassifier,
                ChestXRayDataModule,
                subclass_mode_model=True,
                save_config_callback=RunRecord if command == "fit" else None,
                trainer_class=XrayTrainer,
                seed_everything_default=42,
                parser_kwargs=strict
                | {name: dict(strict) for name in self.subcommands()}
                | {command: strict | {"default_config_files": [str(base)] if base else []}},
                args=[command, *words],
            )
        except ArgumentError as error:
            raise explain(str(error), self._parser(command)) from error
        except MisconfigurationException as error:
            raise UserError(" ".join(str(error).split())) from error
        except ValueError as error:
            # jsonargparse wraps what a model or its schedule says of its arguments.
            raise user_error_in(error) or error from error
        finally:
            if self.run is not None:
                release_run(self.run)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The commands, and which of their trainer method's parameters are no options."""
        of_trainer = LightningCLI.subcommands()
        hidden = {"weights_only", "verbose"}
        return {name: of_trainer[name] | hidden for name in ("fit", "validate", "test")} | {
            "calibrate": {"model", "datamodule"}
        }

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "test":
            help_text = "Score the images under eight corruptions of five strengths too; takes forty times as long."
            parser.add_argument("--robustness", action="store_true", help=help_text)
        return parser

    def _parse_ckpt_path(self) -> None:
        """Never let a checkpoint's hyper-parameters override the command line, as Lightning would here."""

    def before_instantiate_classes(self) -> None:
        """Find what a fit goes on from, and claim its place."""
        config = self.config[self.subcommand]
        if self.subcommand != "fit":
            # What trains, saves and logs has no part in scoring, and the checkpoint is loaded and checked here.
            config.trainer.logger, config.trainer.callbacks, config.trainer.enable_checkpointing = False, None, False
            config.ckpt_path = None
            return
        if config.ckpt_path:
            self.resumed = read_checkpoint(resume_path(config))
            config.ckpt_path = str(self.resumed.path)
        if not config.trainer.fast_dev_run and getattr(rank_zero_only, "rank", 0) == 0:
            logger = logger_of(config)
            self.run = claim_run(
                Path(logger.save_dir), checkpoint_root(config), logger.get("name") or "default", logger.get("version")
            )
            logger.version = self.run.version

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer with a precision that the device is quick in; the saved config says which one that was."""
        if self.subcommand == "fit":
            asked = self.config.fit.trainer
            precision, reason = usable_precision(
                str(asked.precision), str(asked.accelerator), self.model.has_depthwise_convolutions
            )
            if reason:
                warnings.warn(f"trainer.precision is {precision} instead of {asked.precision}: {reason}.", stacklevel=2)
                self.config.fit.trainer.precision = self.config_init.fit.trainer.precision = precision
        try:
            return super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            accelerator = str(self.config[self.subcommand].trainer.accelerator)
            if accelerator in {"auto", "cpu"} or user_error_in(error):
                raise
            raise UserError(
                f"trainer.accelerator {accelerator} cannot be used here: {' '.join(str(error).split())[:200]} Take "
                "--trainer.accelerator auto or cpu."
            ) from error

    def before_fit(self) -> None:
        """Meet all that can go wrong before the run writes anything."""
        if self.resumed is None:
            self.model.prepare_weights()
        else:
            load_weights(self.model, self.resumed)
            done, wanted = self.resumed.content["epoch"] + 1, self.trainer.max_epochs
            if wanted is not None and 0 <= wanted <= done:
                raise UserError(
                    f"{self.resumed.path} has {done} epochs behind it and trainer.max_epochs is {wanted}: nothing is "
                    f"left to train; ask for more with --trainer.max_epochs {done + 5}."
                )
        self.model.check_compiler()
        self.model.check_image_size(self.datamodule.image_size)
        self.datamodule.setup("fit")
        if self.resumed is not None:
            self.datamodule.trained_before = reject_known(self.resumed, self.datamodule, "val")
        if self.run is not None:
            parameters = sum(parameter.numel() for parameter in self.model.parameters()) / 1e6
            print(
                f"Run {self.run.name}: {type(self.model).__name__} with {parameters:.2f} million parameters, record in "
                f"{self.run.logs}, checkpoints in {self.run.checkpoints}"
            )

    def fit(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Train; only tensors and plain values are read from a checkpoint."""
        try:
            self.trainer.fit(model, weights_only=True, **kwargs)
        except SIGTERMException:
            raise
        except SystemExit:
            # Lightning ends the process by itself when it is interrupted from the keyboard.
            if self.trainer.interrupted:
                raise KeyboardInterrupt from None
            raise

    def validate(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table, which ours replaces."""
        self.trainer.validate(model, verbose=False, **kwargs)

    def test(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table, which ours replaces."""
        self.trainer.test(model, verbose=False, **kwargs)

    def after_fit(self) -> None:
        """Fit the decision of the best checkpoint on the validation images, and say what to do next."""
        if self.run is not None and self.run.best.is_file():
            complete_checkpoint(self.run.best, self.datamodule, self.run.logs)
            print(f"Best checkpoint: {self.run.best}")
            logs = self.run.logs.parent.parent
            here = "" if logs == LOGS else f" --ckpt_path {self.run.best}"
            print(f"Next: python -m xray test{here}; tensorboard --logdir {logs}")

    def before_validate(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("validate", "val")

    def before_test(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("test", "test")

    def before_calibrate(self) -> None:
        """Load the checkpoint, and reject images that it was trained on, or that are test images."""
        if is_trial(self.config[self.subcommand].trainer):
            raise UserError("calibrate takes all validation images: leave fast_dev_run and limits of batches out.", 2)
        self._load_scored("calibrate", "val")

    def calibrate(self, model: ImageClassifier, **_: Any) -> None:
        """Fit the decision anew."""
        assert self.scored is not None, "only --help goes without"
        checkpoint, run = self.scored.checkpoint, self.scored.run
        path = checkpoint.path
        is_best = run is not None and path.absolute() == run.best.absolute()
        record = run.logs / RECORD if run is not None and is_best else path.with_name(f"{path.stem}.{RECORD}")
        if earlier := checkpoint.record(DECISION_KEY):
            print(f"So far: temperature {earlier['temperature']:.3f}, threshold {earlier['threshold']:.4f}")
        # What it finds belongs to the notes of the decision.
        find_duplicates(checkpoint, self.datamodule, "val")
        calibrate_checkpoint(path, model.eval(), self.datamodule, model.operating_point, record)
        print(f"Written into {path} and {record}. Next: python -m xray test --ckpt_path {path}")
        if exports := sorted(f.name for f in path.parent.glob(f"{path.stem}*") if f.suffix in SUFFIXES.values()):
            print(f"Files exported before decide as before: export {', '.join(exports)} anew.")

    def _load_scored(self, stage: str, split: str) -> None:
        """Give the model the checkpoint's weights, and the data module the images of a split that it may be shown."""
        assert self.scored is not None, "only --help goes without"
        checkpoint, run = self.scored.checkpoint, self.scored.run
        load_weights(self.model, checkpoint)
        check_like_training(checkpoint, self.datamodule, sizes_too=stage == "calibrate")
        self.datamodule.setup(stage)
        reject_known(checkpoint, self.datamodule, split)
        of_run = f" of run {run.name}" if run is not None else ""
        print(f"Checkpoint {checkpoint.path}{of_run}, images of {self.datamodule.root}")

    def _prepare_scoring(self, stage: str, split: str) -> None:
        assert self.scored is not None, "only --help goes without"
        self._load_scored(stage, split)
        checkpoint, run = self.scored.checkpoint, self.scored.run
        if is_trial(self.config[self.subcommand].trainer):
            print("A trial on a part of the images, as the trainer's limits say: nothing is written.")
            return
        external = is_external(checkpoint, self.datamodule)
        robustness = bool(self.config[self.subcommand].get("robustness"))
        scoring = Scoring(checkpoint, run.name if run else None, split, external, robustness)
        folder = run.logs if run is not None else checkpoint.path.parent
        where = folder / "external" / self.datamodule.root.resolve().name if external else folder / stage
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        callbacks.append(ScoreWriter(where, scoring))
