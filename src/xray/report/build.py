"""From the tables in a folder to metrics.json, figures, page and model card beside them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xray import NOTICE
from xray.evaluation.scored_set import SOURCE, ScoredSet, read_scored_set
from xray.evaluation.summary import summarise
from xray.report.scored_sets import PAGE, sets_beside
from xray.report.summary_text import Summary, kind
from xray.utils.errors import UserError
from xray.utils.files import write_whole

METRICS, CARD, FIGURES = "metrics.json", "model_card.md", "figures"


def write_reports(folders: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Write the reports of a run's scored sets, each of which shows the others beside itself.

    Args:
        folders: Each holds tables; see `xray.evaluation.scored_set`.

    Returns:
        The figures of each; see `xray.evaluation.summary.summarise`.

    Raises:
        UserError: Something cannot be written, or, once all other reports are written, the tables of a set are damaged.
    """
    tables, summaries, damaged = {}, {}, []
    for folder in folders:
        try:
            tables[folder] = read_scored_set(folder)
        except UserError as error:
            damaged.append(error)
            continue
        # Of all sets before the first page, since each page shows those of the others.
        summaries[folder] = summarise(tables[folder])
        with write_whole(folder / METRICS) as file:
            json.dump({"notice": NOTICE} | summaries[folder], file, indent=2, allow_nan=False)
            file.write("\n")
    for folder, summary in summaries.items():
        _write_pages(folder, tables[folder], summary)
    if damaged:
        raise damaged[0]
    return summaries


def _write_pages(folder: Path, scored_set: ScoredSet, summary: Summary) -> None:
    # Matplotlib takes a second: whoever only looks for a set goes without.
    from xray.report.card import render_card
    from xray.report.gallery import HOW_TO_READ, draw_figures
    from xray.report.page import render_page
    from xray.report.style import save_figures

    drawn = save_figures(folder / FIGURES, draw_figures(scored_set, summary), known=list(HOW_TO_READ))
    page, card = render_page(scored_set, summary, drawn, siblings(folder)), render_card(summary, drawn)
    for name, text in ((PAGE, page), (CARD, card)):
        with write_whole(folder / name) as file:
            file.write(text)


def siblings(folder: Path) -> list[dict[str, Any]]:
    """The run's other scored sets, as rows to be shown beside this one.

    Args:
        folder: A scored set: `test`, `validate` or `external/NAME` in the folder of a run.

    Returns:
        Of each its place in the run, kind, data root, images, patients, threshold, and AUROC, sensitivity and
        specificity with intervals; where its figures cannot be read only the reason, under `damaged`.
    """
    return [_row(other) for other in sets_beside(folder) if other != folder and (other / METRICS).exists()]


def _row(folder: Path) -> dict[str, Any]:
    place = f"external/{folder.name}" if folder.parent.name == "external" else folder.name
    row = {"place": place, "kind": "", "data_root": "", "damaged": ""}
    try:
        summary = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        source: Mapping[str, Any] = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
        known = {key: summary[key] for key in ("images", "patients", "threshold")}
        known |= {key: dict(summary["figures"][key]) for key in ("auroc", "sensitivity", "specificity")}
    except (ValueError, KeyError, TypeError):
        return row | {"damaged": "cannot be read: 'python -m xray report' writes it anew"}
    return row | known | {"kind": kind(source), "data_root": str(source.get("data_root") or "")}
