"""The report as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.registry import metrics_in
from xray.evaluation.scored_set import ScoredSet
from xray.explain.maps import CAVEATS
from xray.ood.detector import CLAUSES
from xray.report import summary_text
from xray.report.examples import duplicate_pairs, worst_errors
from xray.report.gallery import CAPTIONS
from xray.report.maps import mapped_images, scale
from xray.report.provenance import commands, exclusions, provenance, splits
from xray.report.save import inline_svg
from xray.scoring.corruptions import CORRUPTIONS
from xray.utils.text import printable


def render_page(
    scored_set: ScoredSet,
    summary: summary_text.Summary,
    svgs: Mapping[str, str],
    siblings: Sequence[Mapping[str, Any]],
) -> str:
    """Render the page as HTML, with control characters and invalid Unicode written as escapes."""
    negative, positive = summary["class_names"]
    false_negatives, false_positives = worst_errors(scored_set.table, (negative, positive))
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            **shared_values(summary),
            metrics=summary["metrics"],
            data_name=summary_text.data_name(summary["source"]),
            ranking=metrics_in("ranking"),
            decisions=metrics_in("decision"),
            own=metrics_in("own"),
            calibration=metrics_in("calibration"),
            corruptions=CORRUPTIONS,
            clauses=CLAUSES,
            families=groupby(summary["subgroups"], key=lambda group: group["family"]),
            drawings=_drawings(svgs),
            siblings=siblings,
            errors=(
                (f"False negatives: {positive} images", "fn", false_negatives),
                (f"False positives: {negative} images", "fp", false_positives),
            ),
            maps=mapped_images(scored_set),
            scale=scale(),
            caveat=CAVEATS["gradcam"],
            pairs=duplicate_pairs(summary["duplicates"]),
            config=_config(summary["source"]),
        )
    )


def shared_values(summary: summary_text.Summary) -> dict[str, Any]:
    """Return the values that the templates of both page and model card use."""
    source = summary["source"]
    negative, positive = summary["class_names"]
    return {
        "summary": summary,
        "source": source,
        "negative": negative,
        "positive": positive,
        "kind": summary_text.kind(source),
        "model": summary_text.model_name(source),
        "banners": summary_text.banners(summary),
        "headline": summary_text.headline(summary),
        "operating_point": summary_text.operating_point(summary),
        "provenance": provenance(summary),
        "splits": splits(summary),
        "exclusions": exclusions(summary),
        "commands": commands(source),
        "notice": NOTICE,
        "one_source": ONE_SOURCE,
    }


@cache  # compiling the templates takes longer than filling them in
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
    templates.globals |= {
        "count": summary_text.count,
        "format_of": summary_text.format_of,
        "number": summary_text.number,
    }
    return templates


def _config(source: Mapping[str, Any]) -> str:
    config = source.get("config")
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""


def _drawings(svgs: Mapping[str, str]) -> dict[str, tuple[Markup, str]]:
    # Safe as markup: Matplotlib has escaped all text in its SVG.
    return {name: (Markup(inline_svg(name, svg, CAPTIONS[name])), CAPTIONS[name]) for name, svg in svgs.items()}
