"""Memory of training on many images against few: peak of what the process holds for itself, page cache aside.

Both runs are whole `fit` commands of as many steps, once building the cache and once with a warm one. The memory is
what Linux calls RssAnon, read from /proc several times a second.
"""

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from measure import alternate, describe_machine, ratio


def make_images(root: Path, count: int, size: int) -> None:
    """Write so many files of distinct content, and as many patients: one picture, with a number behind its end."""
    pixels = np.random.default_rng(0).normal(120, 40, (size, size)).clip(0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=75)
    for name in ("NORMAL", "PNEUMONIA"):
        (root / "train" / name).mkdir(parents=True)
    for i in range(count):
        name = f"NORMAL/IM-{i:06d}-0001.jpeg" if i % 4 == 0 else f"PNEUMONIA/person{i}_bacteria_1.jpeg"
        (root / "train" / name).write_bytes(content.getvalue() + i.to_bytes(4, "big"))


def peak_of_fit(config: Path, root: Path, size: int, folder: Path) -> float:
    """Peak of RssAnon in MiB of a short fit, whose logs, cache and checkpoints go into `folder`."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["data"] |= {"root": str(root), "image_size": size, "cache_dir": str(folder / "cache")}
    settings["trainer"] |= {"max_epochs": 2, "limit_train_batches": 12, "limit_val_batches": 3}
    settings["run"] = {"name": "memory", "root": str(folder / "logs"), "checkpoints": str(folder / "checkpoints")}
    written = folder / "config.yaml"
    written.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "xray", "fit", "--config", str(written)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        status, peak = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            lines = status.read_text(encoding="utf-8").splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))])
            time.sleep(0.05)
    assert process.returncode == 0, f"fit on {root} failed"
    return peak / 1024


def main() -> None:
    """Measure both numbers of images, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/cnn.yaml"))
    parser.add_argument("--counts", type=int, nargs=2, default=[1_000, 100_000])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    few, many = options.counts
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / str(count) for count in options.counts]
        for folder, count in zip(folders, options.counts, strict=True):
            make_images(folder / "images", count, options.size)

        def peak(folder: Path) -> float:
            return peak_of_fit(options.config, folder / "images", options.size, folder)

        cold = [peak(folder) for folder in folders]
        warm = alternate({"few": lambda: peak(folders[0]), "many": lambda: peak(folders[1])}, options.repeats)
    print(f"| {options.config.stem} at {options.size} | {few:,} images | {many:,} images | ratio |")
    print("| --- | --- | --- | --- |")
    print(f"| building the cache, once | {cold[0]:.0f} MiB | {cold[1]:.0f} MiB | {cold[1] / cold[0]:.2f} |")
    medians = [statistics.median(peaks) for peaks in warm.values()]
    print(f"| warm cache | {medians[0]:.0f} MiB | {medians[1]:.0f} MiB | {ratio(warm['many'], warm['few'])} |")
    print(f"\nPeaks of RssAnon; {options.repeats} rounds. {describe_machine()}")


if __name__ == "__main__":
    main()
