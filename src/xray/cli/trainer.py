"""The commands fit, validate and test, by LightningCLI: a config describes the whole run."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from xray.callbacks.history import History
from xray.callbacks.record import RunRecord
from xray.callbacks.score import ScoreWriter
from xray.cli.commands import TRAINER_COMMANDS
from xray.cli.config_paths import checkpoint_root, logger_of, resume_path
from xray.cli.early_options import early_options, import_early, read_config
from xray.cli.error_messages import short_error
from xray.cli.fit_checks import check_monitors, check_optimizer, check_trainer
from xray.cli.outside_errors import explain_error, reason_of
from xray.cli.resolve_checkpoint import (
    ResolvedCheckpoint,
    config_for_scoring,
    find_checkpoint,
    is_external,
    outdated_config,
    reject_fitted_images,
    scores_only_part,
)
from xray.cli.signals import lightning_handles_sigterm
from xray.cli.user_paths import expand_home_in_paths
from xray.data.datamodule import ChestXRayDataModule
from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier
from xray.models.trial import try_model
from xray.runs.checkpoint import Checkpoint, load_weights, read_checkpoint
from xray.runs.run import LOGS, Run, claim_run, release_run
from xray.scoring.calibrate import complete_checkpoint
from xray.scoring.corruptions import CORRUPTIONS, variants
from xray.scoring.evaluate import SplitScorer
from xray.utils.errors import UserError, user_error_in
from xray.utils.hardware import prepare_torch, usable_precision
from xray.utils.imports import import_modules
from xray.utils.library_warnings import silence_libraries

__all__ = ["CNNClassifier", "ImageClassifier", "TransferClassifier", "XrayCLI", "run_trainer_command"]
"""The models are imported so that a config may name them without their module."""


def run_trainer_command(command: str, args: Sequence[str]) -> None:
    """Run fit, validate or test.

    Args:
        command: Which of them.
        args: The command line after it.

    Raises:
        UserError: The command line, the config, the data or the checkpoint is wrong.
    """
    silence_libraries()
    prepare_torch()
    expand_home_in_paths()
    named = early_options(args)
    for path in named.configs:
        read_config(path)  # its errors name the file
    args = ["--help" if arg == "--help_all" else arg for arg in args]
    wants_help = any(arg == "--help" or arg.partition("=")[0].endswith(".help") for arg in args)
    scored = None
    if command != "fit" and not wants_help:
        scored = find_checkpoint(named.ckpt_path, named.configs, named.experiment)
    import_early(named, scored.checkpoint if scored else None)
    XrayCLI(command, args, scored)


class XrayParser(LightningArgumentParser):
    """A parser whose usage line has the command that users type, also in the help of a class."""

    def __init__(self, *args: Any, prog: str = "python -m xray fit", **kwargs: Any) -> None:
        super().__init__(*args, prog=prog, **kwargs)


class XrayCLI(LightningCLI):
    """LightningCLI that gives each run one folder, and scores a checkpoint with the config it was trained with.

    Args:
        command: fit, validate or test.
        args: The command line after it.
        scored: What validate and test score. Its config is the default of every option.
    """

    def __init__(self, command: str, args: Sequence[str], scored: ResolvedCheckpoint | None = None) -> None:
        self.scored = scored
        self.resumed: Checkpoint | None = None
        self.run: Run | None = None
        strict = {"exit_on_error": False, "allow_abbrev": False}
        try:
            super().__init__(
                ImageClassifier,
                ChestXRayDataModule,
                subclass_mode_model=True,
                parser_class=XrayParser,
                save_config_callback=RunRecord if command == "fit" else None,
                seed_everything_default=42,
                # The model configures its own: model.optimizer and model.scheduler.
                auto_configure_optimizers=False,
                parser_kwargs={"prog": "python -m xray"} | strict | {name: dict(strict) for name in self.subcommands()},
                args=[command, *args],
            )
        except ArgumentError as error:
            raise short_error(str(error), self._parser(command)) from error
        except Exception as error:
            explained = explain_error(error, getattr(self, "trainer", None))
            if explained is None:
                raise
            raise explained from error
        finally:
            if self.run is not None:
                release_run(self.run)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the commands, each with the parameters of its trainer method that are not options."""
        hidden = {"weights_only", "verbose"}
        return {name: LightningCLI.subcommands()[name] | hidden for name in ("fit", "validate", "test")}

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.description = TRAINER_COMMANDS[subcommand]
        parser.add_argument(
            "--imports",
            type=list[str],
            default=[],
            help="Modules of yours to import first: they register metrics, corruptions, ablations or classes.",
        )
        if subcommand == "test":
            help_text = (
                f"Also score the images under {len(CORRUPTIONS)} corruptions, each at several strengths; takes "
                f"{len(variants())} times as long."
            )
            parser.add_argument("--robustness", type=bool, nargs="?", const=True, default=False, help=help_text)
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401 - Lightning's own
        """Parse the command line; what neither it nor its config files give is as the checkpoint's config says."""
        self._parser(args[0]).prog = f"python -m xray {args[0]}"
        defaults = None
        if self.scored is not None:
            (command, *_) = args
            checkpoint, own = self.scored.checkpoint, self._parser(command)
            try:
                trained_with = own.parse_object(config_for_scoring(checkpoint))
            except ArgumentError as error:
                raise outdated_config(checkpoint, error, own) from error
            defaults = Namespace(**{command: trained_with})  # type: ignore[no-untyped-call]
        self.config = parser.parse_args(args, namespace=defaults)

    def _parse_ckpt_path(self) -> None:
        """Do nothing, where Lightning would let a checkpoint's hyper-parameters override the command line."""

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint that a fit resumes, and create the folders of its run."""
        config = self.config[self.subcommand]
        import_modules(config.imports, "the command line")  # the rest of them, as of --imports+=my
        if self.subcommand != "fit":
            # Scoring neither logs nor saves, and the checkpoint is loaded and checked here.
            config.trainer.logger, config.trainer.callbacks, config.trainer.enable_checkpointing = False, None, False
            config.trainer.precision = "32-true"
            config.ckpt_path = None
            return
        check_trainer(config.trainer)
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
        """Build the trainer, in another precision if the device is slow in the config's; the saved config says so."""
        if self.subcommand == "fit":
            trainer = self.config.fit.trainer
            precision, reason = usable_precision(
                str(trainer.precision), str(trainer.accelerator), self.model.has_grouped_convolutions
            )
            if reason:
                warnings.warn(
                    f"trainer.precision is {precision} instead of {trainer.precision}: {reason}.", stacklevel=2
                )
                self.config.fit.trainer.precision = self.config_init.fit.trainer.precision = precision
        try:
            return super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError, RuntimeError, ImportError) as error:
            accelerator = str(self.config[self.subcommand].trainer.accelerator)
            if user_error_in(error):
                raise
            if accelerator in {"auto", "cpu"}:
                raise UserError(f"The settings of trainer do not work: {reason_of(error)}") from error
            raise UserError(
                f"trainer.accelerator {accelerator} cannot be used here: {' '.join(str(error).split())[:200]} Use "
                "--trainer.accelerator auto or cpu."
            ) from error

    def before_fit(self) -> None:
        """Check what can go wrong before the run writes anything."""
        if self.resumed is None:
            self.model.prepare_weights()
        else:
            load_weights(self.model, self.resumed)
            done, wanted = self.resumed.content["epoch"] + 1, self.trainer.max_epochs
            if wanted is not None and 0 <= wanted <= done:
                raise UserError(
                    f"{self.resumed.path} was trained for {done} epochs and trainer.max_epochs is {wanted}: nothing is "
                    f"left to train; give more with --trainer.max_epochs {done + 5}."
                )
        self.model.check_compiler()
        try_model(self.model, self.datamodule.image_size)
        self.datamodule.setup("fit")
        if self.resumed is not None:
            self.datamodule.trained_before = reject_fitted_images(self.resumed, self.datamodule, "val")
        check_monitors(self.trainer, self.model)
        check_optimizer(self.model, self.datamodule, self.trainer.strategy.root_device)
        if self.run is not None:
            self.trainer.callbacks.insert(0, History(self.run.logs))  # type: ignore[attr-defined]
            parameters = sum(parameter.numel() for parameter in self.model.parameters()) / 1e6
            print(
                f"Run {self.run.name}: {self.model.title} with {parameters:.2f} million parameters, logs in "
                f"{self.run.logs}, checkpoints in {self.run.checkpoints}"
            )

    def fit(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Train; a checkpoint is read without running code from it."""
        try:
            with lightning_handles_sigterm():
                self.trainer.fit(model, weights_only=True, **kwargs)
        except SIGTERMException:
            raise
        except SystemExit:
            # Lightning exits by itself when it is interrupted from the keyboard.
            if self.trainer.interrupted:
                raise KeyboardInterrupt from None
            raise

    def validate(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table of results."""
        self.trainer.validate(model, verbose=False, **kwargs)

    def test(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table of results."""
        self.trainer.test(model, verbose=False, **kwargs)

    def after_fit(self) -> None:
        """Fit the decision of the best checkpoint on the validation images, and print what to do next."""
        if self.run is not None and self.run.best.is_file():
            complete_checkpoint(self.run.best, self.datamodule, self.run.logs)
            print(f"Best checkpoint: {self.run.best}")
            logs = self.run.logs.parent.parent
            option = "" if logs == LOGS else f" --ckpt_path {self.run.best}"
            print(f"Next: python -m xray test{option}; tensorboard --logdir {logs}")

    def before_validate(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("validate", "val")

    def before_test(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("test", "test")

    def _prepare_scoring(self, stage: str, split: str) -> None:
        assert self.scored is not None, "only --help goes without"
        checkpoint, run = self.scored.checkpoint, self.scored.run
        load_weights(self.model, checkpoint)
        self.scored.set_up(self.datamodule, stage, split)
        if scores_only_part(self.config[self.subcommand].trainer):
            print("Only a part of the images is scored, as the trainer's limits say: nothing is written.")
            return
        external = is_external(checkpoint, self.datamodule)
        robustness = bool(self.config[self.subcommand].get("robustness"))
        imports = tuple(self.config[self.subcommand].imports)
        scorer = SplitScorer(checkpoint, run.name if run else None, split, external, robustness, imports)
        folder = run.logs if run is not None else checkpoint.path.parent
        out = folder / "external" / self.datamodule.root.resolve().name if external else folder / stage
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        callbacks.append(ScoreWriter(out, scorer))
