"""The commands fit, validate and test, by LightningCLI: a config describes the whole run."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from xray.callbacks.checkpoint import set_folders
from xray.callbacks.history import History
from xray.callbacks.loggers import finish_loggers, new_logger
from xray.callbacks.record import RunRecord
from xray.callbacks.score import ScoreWriter
from xray.cli.commands import TRAINER_COMMANDS
from xray.cli.early_options import early_options, given_data, import_early, names_data_class
from xray.cli.error_messages import short_error
from xray.cli.fit_checks import check_trainer
from xray.cli.fit_end import finish_fit, finishing_if_interrupted
from xray.cli.fit_start import prepare_fit
from xray.cli.outside_errors import explain_error, trainer_error
from xray.cli.resolve_checkpoint import (
    ResolvedCheckpoint,
    config_for_scoring,
    find_checkpoint,
    outdated_config,
    scores_only_part,
)
from xray.cli.run_config import (
    XrayParser,
    complete_trainer,
    experiment_name,
    reject_old_config,
    resume_path,
    scoring_callbacks,
)
from xray.cli.score import score_writer
from xray.cli.signals import lightning_handles_sigterm
from xray.cli.user_paths import expand_home_in_paths
from xray.data.batched_images import as_image_data
from xray.data.datamodule import ChestXRayDataModule
from xray.data.split_record import split_sizes
from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier
from xray.runs.checkpoint import Checkpoint, load_weights, read_checkpoint
from xray.runs.run import Run, claim_run, release_run
from xray.runs.settings import RunSettings
from xray.runs.training_data import DATA_CLASS
from xray.scoring.corruptions import CORRUPTIONS, variants
from xray.utils.errors import user_error_in
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
        reject_old_config(path)
    args = ["--help" if arg == "--help_all" else arg for arg in args]
    wants_help = any(arg == "--help" or arg.partition("=")[0].endswith(".help") for arg in args)
    scored = None
    if command != "fit" and not wants_help:
        run = {key: getattr(named, key) for key in ("name", "root", "checkpoints")}
        scored = find_checkpoint(named.ckpt_path, named.configs, run)
    import_early(named, scored.checkpoint if scored else None)
    XrayCLI(command, args, experiment_name(named.configs), scored)


class XrayCLI(LightningCLI):
    """LightningCLI that gives each run one folder, and scores a checkpoint with the config it was trained with.

    Args:
        command: fit, validate or test.
        args: The command line after it.
        experiment: Name of a fit's experiment if the config gives none.
        scored: What validate and test score. Its config is the default of every option.
    """

    def __init__(
        self, command: str, args: Sequence[str], experiment: str = "", scored: ResolvedCheckpoint | None = None
    ) -> None:
        self.experiment = experiment
        self.scored = scored
        self.resumed: Checkpoint | None = None
        self.run: Run | None = None
        self.writer: ScoreWriter | None = None
        own_data = names_data_class(args) or (scored is not None and "class_path" in scored.checkpoint.config["data"])
        strict = {"exit_on_error": False, "allow_abbrev": False}
        try:
            super().__init__(
                ImageClassifier,
                LightningDataModule if own_data else ChestXRayDataModule,
                subclass_mode_model=True,
                subclass_mode_data=own_data,
                save_config_callback=RunRecord if command == "fit" else None,
                # TensorBoard, unless the config says otherwise; null means none.
                trainer_defaults={"logger": True},
                parser_class=XrayParser,
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
                if hasattr(self, "trainer"):
                    finish_loggers(self.trainer)
                release_run(self.run)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the commands, each with the parameters of its trainer method that are not options."""
        hidden = {"weights_only", "verbose"}
        return {name: LightningCLI.subcommands()[name] | hidden for name in ("fit", "validate", "test")}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the group `run`, and let `data` without a class mean ours where another config names one."""
        parser.add_class_arguments(RunSettings, "run")
        if self.subclass_mode_data:
            parser.set_defaults({"data": {"class_path": DATA_CLASS}})

    def _add_instantiators(self) -> None:
        """Give loggers the run's name and folder when they are built; the saved config stays that of any run."""
        super()._add_instantiators()
        self.parser.add_instantiator(self._new_logger, Logger, subclasses=True)

    def _new_logger(self, logger: type[Logger], *args: Any, **kwargs: Any) -> Logger:
        run = self.config.fit.run
        # Other processes than the first write nothing.
        return new_logger(logger, args, kwargs, self.run or Run(run.root / run.name / "other", run.checkpoints))

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

    def instantiate_classes(self) -> None:
        """Build data, model and trainer; a data module of one's own gets what scoring and reports need."""
        super().instantiate_classes()
        self.datamodule = as_image_data(self.datamodule)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:  # noqa: ANN401 - Lightning's own
        """Parse the command line; what neither it nor its config files give is as the checkpoint's config says."""
        self._parser(args[0]).prog = f"python -m xray {args[0]}"
        defaults = None
        if self.scored is not None:
            (command, *_) = args
            checkpoint, own = self.scored.checkpoint, self._parser(command)
            try:
                trained_with = own.parse_object(config_for_scoring(checkpoint, given_data(args[1:])))
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
            config.trainer.logger, config.trainer.enable_checkpointing = False, False
            config.trainer.callbacks = scoring_callbacks(config.trainer.callbacks)
            config.trainer.precision = "32-true"
            config.ckpt_path = None
            return
        config.run.name = config.run.name or self.experiment
        settings = RunSettings(config.run.name, Path(config.run.root), Path(config.run.checkpoints))
        if config.ckpt_path:
            self.resumed = read_checkpoint(resume_path(config.ckpt_path, settings))
            config.ckpt_path = str(self.resumed.path)
        complete_trainer(config.trainer)
        check_trainer(config.trainer)
        if not config.trainer.fast_dev_run and getattr(rank_zero_only, "rank", 0) == 0:
            self.run = claim_run(settings)
            self.save_config_kwargs = {"folder": self.run.logs}

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, in another precision if the device is slow in the config's; the saved config says so."""
        if self.subcommand == "fit":
            settings = self.config.fit.trainer
            precision, reason = usable_precision(
                str(settings.precision), str(settings.accelerator), self.model.has_grouped_convolutions
            )
            if reason:
                warnings.warn(
                    f"trainer.precision is {precision} instead of {settings.precision}: {reason}.", stacklevel=2
                )
                self.config.fit.trainer.precision = self.config_init.fit.trainer.precision = precision
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError, RuntimeError, ImportError) as error:
            if user_error_in(error):
                raise
            raise trainer_error(error, str(self.config[self.subcommand].trainer.accelerator)) from error
        if self.run is not None:
            set_folders(trainer, self.run)
        return trainer

    def before_fit(self) -> None:
        """Check what can go wrong before the run writes anything."""
        prepare_fit(self.model, self.datamodule, self.trainer, self.resumed)
        if self.run is not None:
            self.trainer.callbacks.insert(0, History(self.run.logs))  # type: ignore[attr-defined]
            parameters = sum(parameter.numel() for parameter in self.model.parameters()) / 1e6
            print(
                f"Run {self.run.name}: {self.model.title} with {parameters:.2f} million parameters, logs in "
                f"{self.run.logs}, checkpoints in {self.run.checkpoints}"
            )
            print(split_sizes(self.datamodule))

    def fit(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Train; a checkpoint is read without running code from it."""
        with finishing_if_interrupted(self.run, self.trainer, self.datamodule), lightning_handles_sigterm():
            self.trainer.fit(model, weights_only=True, **kwargs)

    def validate(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table of results."""
        self.trainer.validate(model, verbose=False, **kwargs)

    def test(self, model: ImageClassifier, **kwargs: Any) -> None:
        """Score without Lightning's own table of results."""
        self.trainer.test(model, verbose=False, **kwargs)

    def after_fit(self) -> None:
        """Check that there is a model, and complete it."""
        if self.run is not None:
            finish_fit(self.run, self.trainer, self.model, self.datamodule)

    def before_validate(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("validate", "val")

    def before_test(self) -> None:
        """Load the checkpoint, and reject images that it was trained on."""
        self._prepare_scoring("test", "test")

    def _prepare_scoring(self, stage: str, split: str) -> None:
        assert self.scored is not None, "only --help goes without"
        config = self.config[self.subcommand]
        load_weights(self.model, self.scored.checkpoint)
        self.scored.set_up(self.datamodule, stage, split)
        if scores_only_part(config.trainer):
            print("Only a part of the images is scored, as the trainer's limits say: nothing is written.")
            return
        robustness, imports = bool(config.get("robustness")), tuple(config.imports)
        self.writer = score_writer(self.scored, self.datamodule, stage, split, robustness, imports)
        callbacks: list[Callback] = self.trainer.callbacks  # type: ignore[attr-defined]
        callbacks.append(self.writer)

    def after_validate(self) -> None:
        """Print the results, now that the progress bar is gone."""
        if self.writer is not None:
            self.writer.print_results()

    after_test = after_validate
