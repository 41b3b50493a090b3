"""Build metrics.json, figures, page and model card from the tables of a scored set."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xray import NOTICE
from xray.evaluation.scored_set import SOURCE, ScoredSet, read_scored_set
from xray.evaluation.summary import summarise
from xray.report.scored_sets import PAGE, run_folder, sets_of_same_run
from xray.report.summary_text import Summary, kind
from xray.utils.errors import UserError
from xray.utils.files import open_atomic
from xray.utils.imports import import_modules

METRICS, CARD, FIGURES = "metrics.json", "model_card.md", "figures"


def write_reports(folders: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Write the reports of a run's scored sets; each report also lists the other sets.

    Args:
        folders: Folders with tables; see `xray.evaluation.scored_set`.

    Returns:
        The summary of each set by its folder; see `xray.evaluation.summary.summarise`.

    Raises:
        UserError: A file cannot be written; or the tables of a set are damaged, or its metrics need a module that
            cannot be imported (raised after all other reports are written).
    """
    summaries, damaged = write_readable_reports(folders)
    if damaged:
        raise next(iter(damaged.values()))
    return summaries


def write_readable_reports(folders: Sequence[Path]) -> tuple[dict[Path, dict[str, Any]], dict[Path, UserError]]:
    """Write the reports of the scored sets whose tables can be read.

    Returns:
        The summary of each such set by its folder, and the error of each other one.

    Raises:
        UserError: A file cannot be written.
    """
    tables, summaries, damaged = {}, {}, {}
    for folder in folders:
        try:
            scored_set = read_scored_set(folder)
            import_modules(scored_set.source.get("imports"), folder / SOURCE)
        except UserError as error:
            damaged[folder] = error
            continue
        tables[folder] = scored_set
        # Write all metrics.json files before the first page: each page reads those of the other sets.
        summaries[folder] = summarise(tables[folder])
        with open_atomic(folder / METRICS) as file:
            json.dump({"notice": NOTICE} | summaries[folder], file, indent=2, allow_nan=False)
            file.write("\n")
    for folder, summary in summaries.items():
        _write_pages(folder, tables[folder], summary)
    return summaries, damaged


def _write_pages(folder: Path, scored_set: ScoredSet, summary: Summary) -> None:
    # Matplotlib takes a second to import; finding scored sets does not need it.
    from xray.report.card import render_card
    from xray.report.gallery import CAPTIONS, draw_figures
    from xray.report.page import render_page
    from xray.report.save import save_figures
    from xray.runs.history import read_history

    history = read_history(run_folder(folder))
    svgs = save_figures(folder / FIGURES, draw_figures(scored_set, summary, history), known=list(CAPTIONS))
    page = render_page(scored_set, summary, svgs, siblings(folder), history)
    card = render_card(summary, svgs, history)
    for name, text in ((PAGE, page), (CARD, card)):
        with open_atomic(folder / name) as file:
            file.write(text)


def siblings(folder: Path) -> list[dict[str, Any]]:
    """Return the other scored sets of the run, as rows of the page's table.

    Each has name, kind, data root, images, patients and threshold, and AUROC, sensitivity and specificity with
    intervals. If its files cannot be read, only name and `damaged` (the reason) are filled in.
    """
    here = folder.absolute()
    return [_row(other) for other in sets_of_same_run(here) if other != here and (other / METRICS).exists()]


def _row(folder: Path) -> dict[str, Any]:
    name = f"external/{folder.name}" if folder.parent.name == "external" else folder.name
    row = {"name": name, "kind": "", "data_root": "", "damaged": ""}
    try:
        summary = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        source: Mapping[str, Any] = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
        known = {key: summary[key] for key in ("images", "patients", "threshold")}
        known |= {key: dict(summary["metrics"][key]) for key in ("auroc", "sensitivity", "specificity")}
    except (ValueError, KeyError, TypeError):
        return row | {"damaged": "cannot be read: run 'python -m xray report' to rebuild it"}
    return row | known | {"kind": kind(source), "data_root": str(source.get("data_root") or "")}
