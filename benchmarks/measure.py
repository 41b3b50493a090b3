"""What the benchmarks share: taking turns, medians of ratios, and a description of the machine."""

import datetime
import importlib.metadata
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PACKAGES = ("torch", "torchvision", "pillow", "lightning", "timm", "onnxruntime", "fastapi", "kornia", "fastai")


def alternate(contestants: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Let functions that return a figure take turns, another one first in each round; the first round is not counted.

    A machine whose speed drifts then slows all of them.
    """
    names = list(contestants)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repeats + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            figure = contestants[name]()
            if number:
                figures[name].append(figure)
        if number:
            last = ", ".join(f"{name} {figures[name][-1]:.4g}" for name in names)
            print(f"{number}/{repeats}: {last}", file=sys.stderr, flush=True)
    return figures


def ratio(first: Sequence[float], second: Sequence[float]) -> str:
    """Median of the rounds' ratios, and their range."""
    ratios = sorted(a / b for a, b in zip(first, second, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def describe_machine() -> str:
    """What the figures depend on."""
    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if "model name" in line), cpu)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    installed = {
        distribution.metadata["Name"].lower(): distribution.version
        for distribution in importlib.metadata.distributions()
    }
    versions = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return ", ".join([cpu, f"{cores} cores", f"{memory:.0f} GiB", *versions, today])
