"""The command compare: which of several runs is better on the same images, and whether that is more than chance."""

import json
from collections.abc import Sequence
from pathlib import Path

from xray import NOTICE
from xray.compare.metrics import Metric


def compare(runs: Sequence[str], metric: Metric = "auroc", out: Path | None = None) -> None:
    """Compare runs that were tested on the same images: paired differences with intervals, and one figure of ROC curves.

    Each run is an experiment and version such as cnn/version_0, an experiment (its newest run), or a folder with
    predictions.csv and source.json. Up to six runs are compared pair by pair, more against the first one. Runs of one
    config that differ in their seed only are summarised as mean and spread, too.

    Args:
        runs: Two or more runs.
        metric: The figure to compare; the ROC curves are drawn for each.
        out: A new folder for comparison.json, comparison.md, roc.png and roc.svg; by default the next free
            logs/comparisons/comparison_N.

    Raises:
        UserError: There are fewer than two runs, or one has no test; they were tested on other images or with other
            classes; `out` is in use.
    """
    from xray.compare.folder import claim_folder, release_folder
    from xray.compare.images import align
    from xray.compare.read import read_runs
    from xray.compare.statistics import compare_runs
    from xray.compare.tables import as_markdown, print_comparison
    from xray.utils.files import check_new_folder, write_whole

    if out is not None:
        check_new_folder(out)
    images = align(read_runs(runs))
    found = compare_runs(images, metric)
    # Drawn before a folder is claimed, so that no mistake leaves an empty one.
    from xray.compare.figure import NAME, compared_roc_figure
    from xray.report.style import save_figures

    figure = compared_roc_figure(images, found)
    folder = claim_folder(out)
    try:
        save_figures(folder, {NAME: figure})
        with write_whole(folder / "comparison.md") as file:
            file.write(as_markdown(found, f"{NAME}.png"))
        with write_whole(folder / "comparison.json") as file:
            json.dump({"notice": NOTICE} | found, file, indent=2, allow_nan=False)
            file.write("\n")
    finally:
        release_folder(folder)  # only where nothing came into it
    print_comparison(found)
    print(f"Written: {folder}/ with comparison.json, comparison.md, {NAME}.png, {NAME}.svg")
