"""The report as one page of HTML that needs nothing beside it."""

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
from xray.report.gallery import HOW_TO_READ
from xray.report.maps import mapped_images, scale
from xray.report.provenance import commands, exclusions, provenance, splits
from xray.report.style import inline_svg
from xray.report.thumbnails import pairs, worst_errors
from xray.utils.text import printable


def render_page(
    scored_set: ScoredSet,
    summary: summary_text.Summary,
    drawn: Mapping[str, str],
    siblings: Sequence[Mapping[str, Any]],
) -> str:
    """Write the page.

    Args:
        scored_set: The tables.
        summary: Their figures.
        drawn: SVG texts by the keys of `HOW_TO_READ`.
        siblings: Other scored sets of the run, see `xray.report.build.siblings`.

    Returns:
        HTML; all that is not Unicode or a control character is written out.
    """
    source, class_names = summary["source"], summary["class_names"]
    missed, called = worst_errors(scored_set.table, class_names)
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
            place=summary_text.place(source),
            banners=summary_text.banners(summary),
            answer=summary_text.answer(summary),
            operating_point=summary_text.operating_point(summary),
            tables=(summary_text.RANKING, summary_text.DECISIONS),
            calibration=summary_text.CALIBRATION,
            baselines=BASELINES,
            clauses=CLAUSES,
            families=groupby(summary["subgroups"], key=lambda group: group["family"]),
            figure=_figures(drawn),
            siblings=siblings,
            errors=(
                (f"Missed: {class_names[1]} images", "fn", missed),
                (f"False alarms: {class_names[0]} images", "fp", called),
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
    """Where the templates lie, with what they write figures by."""
    made = Environment(
        loader=PackageLoader("xray.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Markup is a text too, but of ours.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    made.filters |= {
        "number": summary_text.number,
        "percent": summary_text.percent,
        "interval": summary_text.interval,
        "with_interval": summary_text.with_interval,
    }
    made.globals["count"] = summary_text.count
    return made


def _figures(drawn: Mapping[str, str]) -> dict[str, tuple[Markup, str]]:
    # Drawn here, from texts that matplotlib has escaped.
    return {
        name: (Markup(inline_svg(name, text, HOW_TO_READ[name])), HOW_TO_READ[name]) for name, text in drawn.items()
    }
