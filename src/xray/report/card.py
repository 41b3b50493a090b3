"""The model card: Markdown with the YAML metadata that model hubs read."""

from collections.abc import Collection
from typing import Final

from markupsafe import Markup

from xray import NOTICE, ONE_SOURCE
from xray.report import summary_text
from xray.report.page import environment
from xray.report.provenance import commands, exclusions, provenance, splits, training
from xray.utils.text import markdown, printable

HUB_METRICS: Final = {
    "auroc": "roc_auc",
    "average_precision": "average_precision",
    "sensitivity": "recall",
    "specificity": "specificity",
    "balanced_accuracy": "balanced_accuracy",
    "accuracy": "accuracy",
    "mcc": "matthews_correlation",
    "f1": "f1",
    "brier": "brier_score",
    "ece": "expected_calibration_error",
}
"""Metrics in the metadata, with the metric types that hubs use."""
TAGS: Final = ("pytorch", "lightning", "image-classification", "chest-x-ray", "radiography", "pneumonia")
SHOWN_FIGURES: Final = {
    "roc": "ROC curve",
    "reliability": "Reliability diagram",
    "confusion": "Confusion matrix",
}


def render_card(summary: summary_text.Summary, figures: Collection[str]) -> str:
    """Render the model card.

    Args:
        summary: See `xray.evaluation.summary.summarise`.
        figures: Names of the figures in `figures/` next to the card.

    Returns:
        Markdown that begins with a YAML block.
    """
    templates = environment()
    templates.autoescape = False
    templates.finalize = lambda value: markdown(printable(value)) if type(value) is str else value
    templates.filters["code"] = lambda text: Markup(f"`{_one_line(text)}`")
    templates.filters["verbatim"] = lambda text: Markup(_one_line(text))
    body = templates.get_template("card.md.j2").render(
        summary=summary,
        source=summary["source"],
        negative=summary["class_names"][0],
        positive=summary["class_names"][1],
        kind=summary_text.kind(summary["source"]),
        model=summary_text.model_name(summary["source"]),
        banners=summary_text.banners(summary),
        headline=summary_text.headline(summary),
        operating_point=summary_text.operating_point(summary),
        rows=summary_text.metric_rows(summary),
        training=training(summary),
        splits=splits(summary),
        exclusions=exclusions(summary),
        provenance=provenance(summary),
        commands=commands(summary["source"]),
        figures={name: title for name, title in SHOWN_FIGURES.items() if name in figures},
        notice=NOTICE,
        one_source=ONE_SOURCE,
    )
    return f"---\n{metadata(summary)}\n---\n\n{body}"


def metadata(summary: summary_text.Summary) -> str:
    """Return the metadata as YAML: tags, and each defined metric of `HUB_METRICS` as an evaluation result.

    It states no licence: that of the weights depends on the training images, and is not known here.
    """
    from huggingface_hub import EvalResult, ModelCardData

    source = summary["source"]
    results = [
        EvalResult(
            task_type="image-classification",
            task_name=" vs ".join(map(printable, summary["class_names"])),
            dataset_type="imagefolder",
            dataset_name=printable(summary_text.data_name(source)),
            dataset_split={"val": "validation"}.get(source.get("split", ""), source.get("split")),
            metric_type=metric_type,
            metric_name=summary_text.TITLES[name],
            metric_value=summary["figures"][name]["value"],
        )
        for name, metric_type in HUB_METRICS.items()
        if summary["figures"][name]["value"] is not None
    ]
    card = ModelCardData(
        library_name="xray",
        pipeline_tag="image-classification",
        tags=list(TAGS),
        metrics=[HUB_METRICS[name] for name in HUB_METRICS if summary["figures"][name]["value"] is not None],
        model_name=printable(summary_text.model_name(source)),
        eval_results=results or None,
    )
    return str(card.to_yaml()).strip()


def _one_line(text: str) -> str:
    return printable(text).replace("`", "'")
