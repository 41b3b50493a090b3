"""`fit` compared with its upper limit: images per second of both, the limit being its module on one batch in memory.

`fit` is the command with a whole config, its logger and its callbacks but for checkpoints, reading a warm cache; its
output goes nowhere. The limit is a bare loop of forward, backward, clipping and optimiser step, in the same precision
and memory format, on a batch that lies in memory: no data, no augmentation, no Lightning, no metrics. The two take
turns in one process.
"""

import argparse
import contextlib
import io
import statistics
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from jsonargparse import ArgumentParser

from clock import Clock
from measure import alternate, describe_machine, ratio
from xray.cli import main as xray
from xray.models.base import ImageClassifier
from xray.utils.hardware import prepare_torch, usable_precision


class Case(NamedTuple):
    """What is trained."""

    config: Path
    size: int
    backbone: str = ""
    """Of timm, for a config of TransferClassifier."""
    steps: int = 30
    """So many are timed in each round, after a third as many that warm up."""

    @property
    def warm_up(self) -> int:
        """Steps before those that are timed."""
        return self.steps // 3


CNN, TIMM = Path("configs/cnn.yaml"), Path("configs/timm.yaml")
ON_CPU = [Case(CNN, 128), Case(CNN, 224), Case(TIMM, 224, "tf_efficientnet_lite0", steps=6)]
ON_GRAPHICS_CARDS = [Case(CNN, 224), Case(TIMM, 224, "resnet50"), Case(TIMM, 224, "vit_base_patch16_224")]


def write_config(config: dict[str, Any], case: Case, options: argparse.Namespace, folder: Path) -> Path:
    """The config of the benchmark's fit: one epoch of so many steps, without validation, below `folder`."""
    config["data"] |= {
        "root": str(options.root),
        "image_size": case.size,
        "batch_size": options.batch_size,
        "cache_dir": str(folder / "cache"),
    }
    config["trainer"] |= {
        "max_epochs": 1,
        "limit_train_batches": case.steps + case.warm_up + 1,
        "limit_val_batches": 0,
        "precision": options.precision,
    }
    config["run"] = {"name": "limit", "root": str(folder / "logs"), "checkpoints": str(folder / "checkpoints")}
    config["trainer"]["enable_checkpointing"] = False
    clock = {"class_path": "clock.Clock", "init_args": {"skip": case.warm_up}}
    config["trainer"]["callbacks"] += [clock]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def fit_rate(config: Path) -> float:
    """Images per second of the command, after its warm-up."""
    with contextlib.redirect_stdout(None), contextlib.redirect_stderr(io.StringIO()) as output:
        status = xray(["fit", "--config", str(config)])
    assert status == 0, output.getvalue()
    return Clock.rates.pop()


class Limit:
    """The module of a config, stepping on one batch."""

    def __init__(self, config: dict[str, Any], case: Case, options: argparse.Namespace) -> None:
        parser = ArgumentParser()
        parser.add_subclass_arguments(ImageClassifier, "model")
        parsed = parser.parse_object({"model": config["model"]})
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module: ImageClassifier = parser.instantiate_classes(parsed).model.to(self.device).train()
        self.optimizer = self.module.optimizer(self.module.parameter_groups())
        self.case, self.clip = case, config["trainer"]["gradient_clip_val"]
        grouped = self.module.has_grouped_convolutions
        self.precision, _ = usable_precision(options.precision, "auto", grouped)
        self.batch = {
            "image": torch.rand(options.batch_size, 1, case.size, case.size, device=self.device),
            "label": torch.randint(0, 2, (options.batch_size,), device=self.device).float(),
        }

    def rate(self) -> float:
        """Images per second, after a warm-up."""
        for step in range(self.case.warm_up + self.case.steps):
            if step == self.case.warm_up:
                self._wait()
                start = time.perf_counter()
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision.startswith("bf16")):
                loss, _ = self.module.model_step(self.batch)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
            self.optimizer.step()
        self._wait()
        return self.case.steps * len(self.batch["label"]) / (time.perf_counter() - start)

    @staticmethod
    def _wait() -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()


def utilisation(stop: threading.Event) -> float:
    """Mean utilisation of the GPU in percent, as reported by nvidia-smi, until `stop` is set."""
    samples = []
    while not stop.wait(0.2):
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        samples.append(float(subprocess.run(query, capture_output=True, text=True, check=True).stdout))
    return statistics.mean(samples)


def measure(case: Case, options: argparse.Namespace) -> str:
    """Compare one case, and give its row of the table."""
    config = yaml.safe_load(case.config.read_text(encoding="utf-8"))
    name = case.config.stem
    if case.backbone:
        # From random weights, and all of it learns from the first step, in both.
        config["model"]["init_args"] |= {"pretrained": False, "head_epochs": 0, "unfreeze_stages": 1}
        name = config["model"]["init_args"]["backbone"] = case.backbone
    used = ""
    with tempfile.TemporaryDirectory() as folder:
        path = write_config(config, case, options, Path(folder))
        limit = Limit(config, case, options)
        rates = alternate({"fit": lambda: fit_rate(path), "limit": limit.rate}, options.repeats)
        if torch.cuda.is_available():
            stop = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                sampled = pool.submit(utilisation, stop)
                fit_rate(path)
                stop.set()
                used = f"{sampled.result():.0f} %"
    return (
        f"| {name} at {case.size}, {limit.precision} | {statistics.median(rates['fit']):.0f} | "
        f"{statistics.median(rates['limit']):.0f} | {ratio(rates['fit'], rates['limit'])} | {used} |"
    )


def main() -> None:
    """Measure each case, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="image folders")
    parser.add_argument("--cases", type=int, nargs="+", help="numbers of the cases, from 0; all by default")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    prepare_torch()
    cases = ON_GRAPHICS_CARDS if torch.cuda.is_available() else ON_CPU
    print("| network and size | `fit`, images/s | limit, images/s | ratio | utilisation |")
    print("| --- | --- | --- | --- | --- |")
    for case in [cases[number] for number in options.cases] if options.cases else cases:
        print(measure(case, options), flush=True)
    print(f"\nBatches of {options.batch_size}, {options.repeats} rounds. {describe_machine()}")


if __name__ == "__main__":
    main()
