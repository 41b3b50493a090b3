"""The report as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import BASELINES
from xray.explain.maps import CAVEATS
from xray.ood.detector import CLAUSES
from xray.report import summary_text
from xray.report.gallery import CAPTIONS
from xray.report.maps import mapped_images, scale
from xray.report.provenance import commands, exclusions, provenance, splits
from xray.report.style import inline_svg
from xray.report.thumbnails import pairs, worst_errors
from xray.utils.text import printable


def render_page(
    scored_set: ScoredSet,
    summary: summary_text.Summary,
    svgs: Mapping[str, str],
    siblings: Sequence[Mapping[str, Any]],
) -> str:
    """Render the page.

    Args:
        scored_set: The tables.
        summary: Their summary.
        svgs: SVG texts of the figures by the keys of `CAPTIONS`.
        siblings: Other scored sets of the run, see `xray.report.build.siblings`.

    Returns:
        HTML; control characters and invalid Unicode are written as escapes.
    """
    source, class_names = summary["source"], summary["class_names"]
    false_negatives, false_positives = worst_errors(scored_set.table, class_names)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            summary=summary,
            figures=summary["figures"],
            source=source,
            negative=class_names[0],
            positive=class_names[1],
            kind=summary_text.kind(source),
            model=summary_text.model_name(source),
            data_name=summary_text.data_name(source),
            banners=summary_text.banners(summary),
            headline=summary_text.headline(summary),
            operating_point=summary_text.operating_point(summary),
            tables=(summary_text.RANKING, summary_text.DECISIONS),
            calibration=summary_text.CALIBRATION,
            baselines=BASELINES,
            clauses=CLAUSES,
            families=groupby(summary["subgroups"], key=lambda group: group["family"]),
            drawings=_drawings(svgs),
            siblings=siblings,
            errors=(
                (f"False negatives: {class_names[1]} images", "fn", false_negatives),
                (f"False positives: {class_names[0]} images", "fp", false_positives),
            ),
            maps=mapped_images(scored_set),
            scale=scale(),
            caveat=CAVEATS["gradcam"],
            pairs=pairs(summary["duplicates"]),
            provenance=provenance(summary),
            splits=splits(summary),
            commands=commands(source),
            config=yaml.safe_dump(source.get("config") or {}, sort_keys=False, allow_unicode=True),
            exclusions=exclusions(summary),
            notice=NOTICE,
            one_source=ONE_SOURCE,
        )
    )


def environment() -> Environment:
    """Return the Jinja environment of the report's templates, with filters for numbers."""
    templates = Environment(
        loader=PackageLoader("xray.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Markup is a subclass of str, but our own text.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    templates.filters |= {
        "number": summary_text.number,
        "percent": summary_text.percent,
        "interval": summary_text.interval,
        "with_interval": summary_text.with_interval,
    }
    templates.globals["count"] = summary_text.count
    return templates


def _drawings(svgs: Mapping[str, str]) -> dict[str, tuple[Markup, str]]:
    # Safe as markup: Matplotlib has escaped all text in its SVG.
    return {name: (Markup(inline_svg(name, svg, CAPTIONS[name])), CAPTIONS[name]) for name, svg in svgs.items()}
