"""Whole training jobs against peers: images per second from the start of a process to its end.

Each tool trains the same small network on the same full-size images in a process of its own, as its users would start
it: imports, reading the images, training, validation after every epoch, and what it writes are all in its time. The
tools take turns, and another one begins each round, so that a machine whose speed drifts slows all of them.

`--settings same` gives the peers our precision and optimiser, a like augmentation by their own means, and workers on
all cores; `tuned` also a less known option, channels last; `defaults` leaves precision, workers and augmentation as
each tool's quick start has them.
What is compared is the way from files to a trained network, so the network, the size of images, the batch size and the
number of epochs are the same in all.

Ours begins every job with an empty cache of decoded images, whose making is therefore in its time.

The peers need fastai besides what the project itself needs: `make bench-peers` sees to that.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from images import repeat_images
from measure import describe_machine, ratio
from xray.utils.hardware import usable_precision

OURS = "xray"
PEERS = ("lightning_imagefolder", "timm_loader", "fastai_learner")
HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "configs" / "cnn.yaml"
TAIL = 15
"""Lines shown of the output of a failed job."""


class FailedJobError(Exception):
    """A job that did not end well; the message shows the last of its output."""


def our_config(folder: Path, root: Path, options: argparse.Namespace, epochs: int) -> Path:
    """Write configs/cnn.yaml with this job's data, and with all that it writes inside `folder`.

    The folders' own validation images are taken, as the peers take them, so that all train on the same number.
    """
    config = yaml.safe_load(CONFIG.read_text())
    config["data"] |= {
        "root": str(root),
        "validation": "folder",
        "image_size": options.size,
        "batch_size": options.batch_size,
        "cache_dir": str(folder / "cache"),
    }
    config["trainer"]["max_epochs"] = epochs
    if options.settings != "defaults":
        config["trainer"]["precision"] = options.precision
    config["run"] = {"name": "cnn", "root": str(folder / "logs"), "checkpoints": str(folder / "checkpoints")}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def command_of(tool: str, folder: Path, root: Path, options: argparse.Namespace, epochs: int) -> list[str]:
    """Find what a user of the tool would type."""
    if tool == OURS:
        return [sys.executable, "-m", "xray", "fit", "--config", str(our_config(folder, root, options, epochs))]
    arguments = {
        "root": root,
        "size": options.size,
        "epochs": epochs,
        "batch-size": options.batch_size,
        "precision": options.precision,
        "settings": options.settings,
    }
    spelled = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    return [sys.executable, str(HERE / "peers" / f"{tool}.py"), *spelled]


def run_job(tool: str, root: Path, options: argparse.Namespace, epochs: int, images: int) -> tuple[float, str]:
    """Run one job in an empty folder, which goes afterwards.

    Returns:
        Seconds from the start of the process to its end, and its validation result.

    Raises:
        FailedJobError: It ended with an error, or did not train as configured.
    """
    # Users' Pythons keep compiled modules; where that is switched off, the one with most imports would lose most.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix=f"{tool}-", dir=root.parent) as folder:
        command = command_of(tool, Path(folder), root, options, epochs)
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        raise FailedJobError(f"{tool}: exit status {done.returncode}\n{tail(done.stderr or done.stdout)}")
    if tool == OURS:
        last = [line for line in done.stdout.splitlines() if line.startswith(f"Epoch {epochs}/{epochs}:")]
        if not last:
            raise FailedJobError(f"{tool}: did not come to epoch {epochs}\n{tail(done.stdout)}")
        return seconds, last[-1].strip()
    last_line = tail(done.stdout, 1).strip()
    try:
        result = json.loads(last_line)
    except json.JSONDecodeError:
        raise FailedJobError(f"{tool}: its output ends without the line of JSON\n{tail(done.stderr)}") from None
    if result["images"] != images or len(result["epoch_seconds"]) != epochs:
        raise FailedJobError(f"{tool}: did not train as configured: {last_line}")
    return seconds, f"accuracy {result['val_accuracy']}, epochs of {result['epoch_seconds']} s"


def tail(text: str, lines: int = TAIL) -> str:
    """Take the last lines that say something."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def compare(tools: list[str], root: Path, options: argparse.Namespace) -> tuple[list[dict[str, float]], dict[str, str]]:
    """Run all rounds.

    Returns:
        For each round the images per second of each tool, and for each tool that failed its error; it runs no more.
    """
    images = sum(1 for _ in (root / "train").rglob("*.jpeg"))
    rounds: list[dict[str, float]] = []
    failures: dict[str, str] = {}
    # The round that comes before the first is not counted: it leaves compiled modules and read files in the state
    # that every later job finds, and shows early which tool fails.
    for number in range(options.repeats + 1):
        epochs = options.epochs if number else 1
        turn = (number - 1) % len(tools) if number else 0
        rates: dict[str, float] = {}
        for tool in tools[turn:] + tools[:turn]:
            if tool in failures:
                continue
            try:
                seconds, result = run_job(tool, root, options, epochs, images * epochs)
            except FailedJobError as error:
                failures[tool] = str(error)
                print(f"FAILED {error}", file=sys.stderr, flush=True)
                continue
            rates[tool] = images * epochs / seconds
            name = f"{number}/{options.repeats}" if number else "not counted"
            print(f"{name} {tool}: {seconds:.1f} s, {rates[tool]:.1f} images/s; {result}", file=sys.stderr, flush=True)
        if number:
            rounds.append(rates)
    return rounds, failures


def table(tools: list[str], rounds: list[dict[str, float]], failures: dict[str, str]) -> str:
    """Write the table; a tool that failed keeps its row, with its error below."""
    rows = [
        "| tool | images/s, whole job | range | ours / tool |",
        "| --- | --- | --- | --- |",
    ]
    for tool in tools:
        if tool in failures:
            rows.append(f"| {tool} | failed | | |")
            continue
        rates = [rates[tool] for rates in rounds]
        ours = ratio([rates[OURS] for rates in rounds], rates) if OURS not in failures else ""
        rows.append(f"| {tool} | {statistics.median(rates):.1f} | {min(rates):.1f} to {max(rates):.1f} | {ours} |")
    errors = [f"```\n{text}\n```" for text in failures.values()]
    return "\n\n".join(["\n".join(rows), *errors])


def main() -> int:
    """Make the images, run the jobs, print the table; 1 if a job failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--images", type=Path, required=True, help="folder with NORMAL and PNEUMONIA, full-size JPEG files"
    )
    parser.add_argument("--copies", type=int, default=8, help="how often each image occurs in the data set")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--precision", choices=["bf16-mixed", "32-true"], default="bf16-mixed", help="of `same` and `tuned`"
    )
    parser.add_argument("--settings", choices=["same", "tuned", "defaults"], default="same")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count")
    parser.add_argument(
        "--only", nargs="+", choices=PEERS, default=PEERS, metavar="NAME", help=f"of {', '.join(PEERS)}"
    )
    options = parser.parse_args()
    # Where bfloat16 would be a detour ours does without it, and so must the others.
    options.precision, _ = usable_precision(options.precision, "auto", False)
    tools = [OURS, *options.only]
    with tempfile.TemporaryDirectory(prefix="xray-jobs-") as folder:
        root = Path(folder) / "images"
        repeat_images(options.images.resolve(), root, options.copies)
        images = {split: sum(1 for _ in (root / split).rglob("*.jpeg")) for split in ("train", "val")}
        rounds, failures = compare(tools, root, options)
    print(table(tools, rounds, failures))
    precision = f", {options.precision}" if options.settings != "defaults" else ""
    print(
        f"\n{images['train']} images to train on, {images['val']} to validate on, {options.epochs} epochs, size "
        f"{options.size}, batches of {options.batch_size}, settings: {options.settings}{precision}; medians of "
        f"{options.repeats} rounds.\n\n{describe_machine()}"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
