"""The command compare: paired differences of runs on the same images."""

import json
from collections.abc import Sequence
from pathlib import Path

from xray import NOTICE

COMPARISONS = Path("logs/comparisons")
"""Folder of comparisons; not listed as a run, since it has no config.yaml."""


def compare(runs: Sequence[str], metric: str = "auroc", out: Path | None = None) -> None:
    """Compare runs that were tested on the same images: settings that differ, metrics, and paired differences.

    Each run is an experiment and version such as cnn/version_0, an experiment (its newest run), or a folder with
    predictions.csv and source.json. Up to six runs are compared in all pairs, more runs only with the first. Runs that
    differ only in their seed are also summarised by mean and spread.

    Args:
        runs: Two or more runs.
        metric: The metric to show first, by its name in metrics.json. AUROC, sensitivity, specificity, balanced
            accuracy, Brier score and metrics of your own are always shown.
        out: A new folder for comparison.json, comparison.md, roc.png and roc.svg; by default the next free
            logs/comparisons/comparison_N.

    Raises:
        UserError: There are fewer than two runs, a run was not tested, the metric cannot be compared, the runs were
            tested on different images or with different classes, or `out` is in use.
    """
    from xray.compare.images import align
    from xray.compare.metrics import compared_metrics
    from xray.compare.read import read_runs
    from xray.compare.statistics import compare_runs
    from xray.compare.tables import as_markdown, print_comparison
    from xray.utils.files import atomic_folder, check_new_folder, open_atomic

    loaded = read_runs(runs)
    if out is not None:
        check_new_folder(out)
    images = align(loaded)
    comparison = compare_runs(images, compared_metrics(metric))
    from xray.compare.figure import NAME, compared_roc_figure
    from xray.report.save import save_figures

    figure = compared_roc_figure(images, comparison)
    folder = out or _next_folder()
    check_new_folder(folder)
    with atomic_folder(folder) as new:
        save_figures(new, {NAME: figure})
        with open_atomic(new / "comparison.md") as file:
            file.write(as_markdown(comparison, f"{NAME}.png"))
        with open_atomic(new / "comparison.json") as file:
            json.dump({"notice": NOTICE} | comparison, file, indent=2, allow_nan=False)
            file.write("\n")
    print_comparison(comparison)
    print(f"Written: {folder}/ with comparison.json, comparison.md, {NAME}.png, {NAME}.svg")


def _next_folder() -> Path:
    taken = [folder.name.removeprefix("comparison_") for folder in COMPARISONS.glob("comparison_*")]
    return COMPARISONS / f"comparison_{1 + max((int(name) for name in taken if name.isdecimal()), default=-1)}"
