"""The model card: Markdown with the block of metadata that model hubs read."""

from collections.abc import Mapping
from typing import Any, Final

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
"""Figures of the metadata, by the types under which hubs know them."""
TAGS: Final = ("pytorch", "lightning", "image-classification", "chest-x-ray", "radiography", "pneumonia")
SHOWN_FIGURES: Final = {
    "roc": "ROC curve",
    "reliability": "Reliability diagram",
    "confusion": "Decisions against labels",
}


def render_card(summary: summary_text.Summary, drawn: Mapping[str, Any]) -> str:
    """Write the card.

    Args:
        summary: All figures.
        drawn: By the names of the figures that stand in `figures/` beside the card.

    Returns:
        Markdown that begins with a block of YAML.
    """
    made = environment()
    made.autoescape = False
    made.finalize = lambda value: markdown(printable(value)) if type(value) is str else value
    made.filters["code"] = lambda text: Markup(f"`{_one_line(text)}`")
    made.filters["verbatim"] = lambda text: Markup(_one_line(text))
    body = made.get_template("card.md.j2").render(
        summary=summary,
        source=summary["source"],
        negative=summary["class_names"][0],
        positive=summary["class_names"][1],
        kind=summary_text.kind(summary["source"]),
        model=summary_text.model_name(summary["source"]),
        banners=summary_text.banners(summary),
        answer=summary_text.answer(summary),
        operating_point=summary_text.operating_point(summary),
        rows=summary_text.rows(summary),
        training=training(summary),
        splits=splits(summary),
        exclusions=exclusions(summary),
        provenance=provenance(summary),
        commands=commands(summary["source"]),
        pictures={name: title for name, title in SHOWN_FIGURES.items() if name in drawn},
        notice=NOTICE,
        one_source=ONE_SOURCE,
    )
    return f"---\n{metadata(summary)}\n---\n\n{body}"


def metadata(summary: summary_text.Summary) -> str:
    """The block of metadata, as YAML: tags, and each defined figure of `HUB_METRICS` as a result of the model.

    No licence stands in it: the images decide on that of the weights, and nobody has stated one.
    """
    from huggingface_hub import EvalResult, ModelCardData

    source = summary["source"]
    results = [
        EvalResult(
            task_type="image-classification",
            task_name=f"Telling {printable(summary['class_names'][0])} from {printable(summary['class_names'][1])}",
            dataset_type="imagefolder",
            dataset_name=printable(summary_text.place(source)),
            dataset_split={"val": "validation"}.get(source.get("split", ""), source.get("split")),
            metric_type=kind,
            metric_name=summary_text.TITLES[name],
            metric_value=summary["figures"][name]["value"],
        )
        for name, kind in HUB_METRICS.items()
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
