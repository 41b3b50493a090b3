"""What every command costs before it does anything: wall time of whole processes, with a warm cache.

`python -c "import torch, timm, lightning"` is the minimum for any program that uses these libraries.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import alternate, describe_machine

IMPORTS = "import torch, timm, lightning"


def seconds(words: list[str], folder: Path) -> float:
    """Wall time of a Python process."""
    # Users' Pythons keep compiled modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return time.perf_counter() - start


def main() -> None:
    """Draw images, train for a moment, and time each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    config = Path("configs/cnn.yaml").resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = ["-m", "xray"]
        seconds([*run, "synth", "images"], folder)
        fit = [*run, "fit", "--config", str(config), "--data.root", "images"]
        seconds([*fit, "--trainer.max_epochs", "1"], folder)
        image = next((folder / "images" / "test").glob("*/*"))
        one_step = [*fit, "--trainer.fast_dev_run", "true", "--trainer.limit_val_batches", "0"]
        commands = {
            IMPORTS: ["-c", IMPORTS],
            "--help": [*run, "--help"],
            "fit, to the end of its first step": one_step,
            "predict, one image": [*run, "predict", str(image)],
            f"test, {sum(1 for _ in (folder / 'images' / 'test').glob('*/*'))} images": [*run, "test"],
        }
        times = alternate(
            {name: lambda w=words: seconds(w, folder) for name, words in commands.items()}, options.repeats
        )
    print("| command | seconds | beyond the imports |\n| --- | --- | --- |")
    for name, values in times.items():
        beyond = statistics.median(a - b for a, b in zip(values, times[IMPORTS], strict=True))
        print(f"| `{name}` | {statistics.median(values):.2f} | {beyond:+.2f} |")
    print(f"\n{describe_machine()}")


if __name__ == "__main__":
    main()
