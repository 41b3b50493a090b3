"""The texts of `fit --help`, `validate --help` and `test --help`: the options that matter (no torch import)."""

from xray.cli.commands import TRAINER_COMMANDS

FIT = """\
usage: python -m xray fit --config FILE [--KEY VALUE ...]

{summary}
Its logs are in logs/NAME/version_N/, its best and last checkpoint in checkpoints/NAME/version_N/; a run is never
overwritten. Any value of the config is also an option, which overrides the config.

options:
  --config FILE             A YAML file, such as configs/cnn.yaml or the config.yaml of a run; a further --config
                            overrides the ones before it, and needs only the keys that differ.
  --data.root DIR           Folder of the images, with train, test and perhaps val, each with the class folders; or a
                            table of images, such as labels.csv.
  --data.image_size N       Side of the network's input in pixels.
  --data.batch_size N       Images per batch.
  --model CLASS             CNNClassifier, TransferClassifier, or a subclass of your own, such as my.Classifier.
  --model.network NET       With --model ImageClassifier: an nn.Module of your own, such as my.Net of my.py.
  --model.optimizer.lr X    Learning rate; --model.optimizer SGD changes the optimiser, --model.scheduler the schedule.
  --trainer.max_epochs N    Epochs.
  --trainer.precision P     bf16-mixed, 32-true, 16-mixed, ...
  --trainer.accelerator A   auto, cpu, gpu, ...
  --run.name NAME           Name of the experiment.
  --ckpt_path RUN           Continue from a checkpoint, as a new run: last or best (of the experiment's newest run), a
                            run such as cnn/version_0, or a file.
  --print_config            Print the whole config with all defaults, and do not train.
  --model.help [CLASS]      Options of a model; likewise --trainer.callbacks.help EarlyStopping and others.
  --help_all                All options, also those of Lightning.
  --debug                   Show the traceback of an error.

examples:
  python -m xray fit --config configs/cnn.yaml --data.root DIR
  python -m xray fit --config configs/timm.yaml --data.root DIR --model.backbone resnet18 --trainer.max_epochs 20
  python -m xray fit --config configs/cnn.yaml --data.root DIR --ckpt_path last --trainer.max_epochs 24"""

SCORE = """\
usage: python -m xray {command} [--ckpt_path RUN] [--data.root DIR] [--KEY VALUE ...]

{summary}
By default that is the newest run, with the data settings of its training.{images}
Results and a report to read (report.html) are written into the folder {command}/ of the run.

options:
  --ckpt_path RUN           A run such as cnn/version_0, an experiment such as cnn, a checkpoint, or best or last of the
                            newest run.
  --config FILE             The config of a run or an experiment, whose newest run is scored.
  --data.root DIR           Images of another source; their results are written into external/.
  --data.batch_size N       Images per batch.
  --data.overlaps accept    Score images that the model was trained on, with a note, instead of rejecting them.
  --data.unreadable skip    Leave out files that cannot be read, with a note, instead of stopping.
  --trainer.accelerator A   auto, cpu, gpu, ...
{robustness}\
  --print_config            Print the whole config with all defaults, and do not score.
  --help_all                All options, also those of Lightning.
  --debug                   Show the traceback of an error.

examples:
  python -m xray {command}
  python -m xray {command} --ckpt_path cnn/version_0
  python -m xray {command} --ckpt_path cnn --data.root DIR"""

ROBUSTNESS = """\
  --robustness              Also score the images under corruptions of increasing strength; takes much longer.
"""


def help_text(command: str) -> str:
    """Return the help of fit, validate or test."""
    text = FIT if command == "fit" else SCORE
    return text.format(
        command=command,
        summary=TRAINER_COMMANDS[command],
        images=" Images that it was trained on are rejected." if command == "test" else "",
        robustness=ROBUSTNESS if command == "test" else "",
    )
