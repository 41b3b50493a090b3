"""The model card: Markdown with the YAML metadata that model hubs read."""

from collections.abc import Collection, Sequence
from functools import cache
from itertools import groupby
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from xray.evaluation.registry import METRICS
from xray.report import summary_text
from xray.report.alt_text import alt_texts
from xray.report.page import environment, shared_values
from xray.report.provenance import training
from xray.runs.history import Epoch
from xray.utils.text import escape_markdown, printable

TAGS: Final = ("pytorch", "lightning", "image-classification", "chest-x-ray", "radiography", "pneumonia")
SHOWN_FIGURES: Final = {
    "roc": "ROC curve",
    "reliability": "Reliability diagram",
    "confusion": "Confusion matrix",
}


def render_card(summary: summary_text.Summary, figures: Collection[str], history: Sequence[Epoch] = ()) -> str:
    """Render the model card: Markdown that begins with a YAML block, and shows some of the figures in `figures/`."""
    body = (
        _environment()
        .get_template("card.md.j2")
        .render(
            **shared_values(summary),
            rows=summary_text.metric_rows(summary),
            training=training(summary, history),
            alt=alt_texts(summary, history),
            families=groupby(summary["subgroups"], key=lambda group: group["family"]),
            figures={name: title for name, title in SHOWN_FIGURES.items() if name in figures},
        )
    )
    return f"---\n{metadata(summary)}\n---\n\n{body}"


def metadata(summary: summary_text.Summary) -> str:
    """Return the metadata as YAML: tags, and each defined metric that hubs know as an evaluation result.

    It states no licence: that of the weights depends on the training images, and is not known here.
    """
    from huggingface_hub import EvalResult, ModelCardData

    source = summary["source"]
    values = {name: summary["metrics"][name]["value"] for name, metric in METRICS.items() if metric.hub_name}
    defined = {name: value for name, value in values.items() if value is not None}
    results = [
        EvalResult(
            task_type="image-classification",
            task_name=" vs ".join(map(printable, summary["class_names"])),
            dataset_type="imagefolder",
            dataset_name=printable(summary_text.data_name(source)),
            dataset_split={"val": "validation"}.get(source.get("split", ""), source.get("split")),
            metric_type=METRICS[name].hub_name,
            metric_name=METRICS[name].title,
            metric_value=value,
        )
        for name, value in defined.items()
    ]
    card = ModelCardData(
        library_name=None if source.get("table") else "xray",
        pipeline_tag="image-classification",
        tags=list(TAGS[2:] if source.get("table") else TAGS),
        metrics=[METRICS[name].hub_name for name in defined],
        model_name=printable(summary_text.model_name(source)),
        eval_results=results or None,
    )
    return str(card.to_yaml()).strip()


@cache
def _environment() -> Environment:
    """Return the environment of the page, but escaping Markdown instead of HTML."""
    templates = environment().overlay(
        autoescape=False, finalize=lambda value: escape_markdown(printable(value)) if type(value) is str else value
    )
    templates.filters = templates.filters | {
        "code": lambda text: Markup(f"`{_one_line(text)}`"),
        "verbatim": lambda text: Markup(_one_line(text)),
    }
    return templates


def _one_line(text: str) -> str:
    return printable(text).replace("`", "'")
