"""The report as one self-contained HTML page."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.registry import metrics_in
from xray.evaluation.scaling import Scaling
from xray.evaluation.scored_set import ScoredSet
from xray.explain.maps import CAVEATS
from xray.ood.detector import CLAUSES
from xray.report import summary_text
from xray.report.alt_text import alt_texts
from xray.report.examples import duplicate_pairs, worst_errors
from xray.report.gallery import CAPTIONS
from xray.report.maps import mapped_images, scale
from xray.report.provenance import commands, exclusions, provenance, splits, training
from xray.report.save import inline_svg
from xray.runs.history import Epoch
from xray.scoring.corruptions import CORRUPTIONS, title_of
from xray.utils.text import count, printable


def render_page(
    scored_set: ScoredSet,
    summary: summary_text.Summary,
    svgs: Mapping[str, str],
    siblings: Sequence[Mapping[str, Any]],
    history: Sequence[Epoch] = (),
) -> str:
    """Render the page as HTML, with control characters and invalid Unicode written as escapes.

    Args:
        scored_set: The tables.
        summary: Their metrics.
        svgs: The figures by name.
        siblings: The other scored sets of the run.
        history: The epochs of the training, as far as its run recorded them.
    """
    negative, positive = summary["class_names"]
    false_negatives, false_positives = worst_errors(scored_set.table, (negative, positive))
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            **shared_values(summary),
            metrics=summary["metrics"],
            number=summary_text.number_format(summary),
            format_of=partial(summary_text.format_of, summary=summary),
            data_name=summary_text.data_name(summary["source"]),
            ranking=metrics_in("ranking"),
            decisions=metrics_in("decision"),
            own=metrics_in("own"),
            calibration=metrics_in("calibration"),
            corruptions=CORRUPTIONS,
            title_of=title_of,
            clauses=CLAUSES,
            families=groupby(summary["subgroups"], key=lambda group: group["family"]),
            drawings=_drawings(svgs, alt_texts(summary, history)),
            training=training(summary, history),
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
        "scaling": str(Scaling.of(summary)),
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
        "number": _number,
        "percent": _percent,
        "interval": _interval,
        "with_interval": _with_interval,
    }
    templates.globals["count"] = count
    return templates


def _config(source: Mapping[str, Any]) -> str:
    config = source.get("config")
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""


@pass_context
def _number(context: Context, value: float | None, digits: int | None = None) -> str:
    """Format with as many decimals as the number of images supports, unless the template gives another number."""
    return summary_text.number(value, digits) if digits else summary_text.number_format(context["summary"])(value)


@pass_context
def _percent(context: Context, value: float | None) -> str:
    return summary_text.percent_format(context["summary"])(value)


@pass_context
def _interval(
    context: Context, metric: summary_text.MetricValue, fmt: Callable[[float | None], str] | None = None
) -> str:
    return summary_text.interval(metric, fmt or summary_text.number_format(context["summary"]))


@pass_context
def _with_interval(context: Context, metric: summary_text.MetricValue) -> str:
    return summary_text.with_interval(metric, summary_text.number_format(context["summary"]))


def _drawings(svgs: Mapping[str, str], alt: Mapping[str, str]) -> dict[str, tuple[Markup, str]]:
    # Safe as markup: Matplotlib has escaped all text in its SVG.
    return {name: (Markup(inline_svg(name, svg, printable(alt[name]))), CAPTIONS[name]) for name, svg in svgs.items()}
