import huggingface_hub
import pytest
from huggingface_hub import ModelCard
from tests.report.conftest import draw, one_class, source

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.registry import METRICS
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise
from xray.report.alt_text import alt_texts
from xray.report.card import render_card
from xray.report.summary_text import interval, metric_rows, number_format

SUMMARY = summarise(draw())
CARD = render_card(SUMMARY, {"roc": ""})


def results(card):
    return {result.metric_type: result for result in ModelCard(card).data.eval_results or []}


def test_hub_library_reads_the_metadata(tmp_path):
    data = ModelCard(CARD).data
    assert (data.library_name, data.pipeline_tag, data.model_name) == ("xray", "image-classification", "cnn/version_0")
    assert "pneumonia" in data.tags
    assert "license" not in data.to_dict()
    (tmp_path / "README.md").write_text(CARD)
    assert huggingface_hub.metadata_load(tmp_path / "README.md")["model-index"][0]["name"] == "cnn/version_0"


def test_metadata_results_are_the_metrics():
    result = results(CARD)
    known = {name: metric.hub_name for name, metric in METRICS.items() if metric.hub_name}
    assert {"roc_auc", "recall", "brier_score"} < set(result) == set(known.values())
    for name, kind in known.items():
        assert result[kind].metric_value == SUMMARY["metrics"][name]["value"]
        assert result[kind].dataset_name == "images"
        assert result[kind].dataset_split == "test"


def test_table_has_each_metric_with_its_interval():
    shown = number_format(SUMMARY)
    for title, result, _ in metric_rows(SUMMARY):
        (line,) = [line for line in CARD.splitlines() if line.startswith(f"| {title} |")]
        assert shown(result["value"]).replace("<", "&lt;").replace(">", "&gt;") in line
        assert interval(result, shown).replace(">", "&gt;") in line


@pytest.mark.parametrize("heading", ["Intended use", "Out-of-scope use", "Data", "Training", "Evaluation", "Limits"])
def test_card_has_section(heading):
    assert f"\n## {heading}\n" in CARD


def test_card_has_notices_command_and_fingerprint():
    for part in (
        NOTICE,
        ONE_SOURCE,
        "python -m xray fit --config logs/cnn/version_0/config.yaml",
        "scored-fingerprint",
    ):
        assert part in CARD
    assert f"![{alt_texts(SUMMARY)['roc']}](figures/roc.png)" in CARD
    assert "confusion.png" not in CARD


def test_tables_have_equal_columns():
    for block in CARD.split("\n\n"):
        lines = block.strip().splitlines()
        if lines[0].startswith("|"):
            assert lines[1].startswith("|--")
            assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_metadata_omits_undefined_metrics():
    card = render_card(summarise(one_class(draw())), {})
    assert "roc_auc" not in results(card)
    assert "recall" in results(card)
    assert "| AUROC | not defined | not defined for these images |" in card


def test_card_without_metrics_has_metadata():
    table = draw().table
    none = type(table)((), (), (), table.logit[:0], table.logit[:0], ())
    assert ModelCard(render_card(summarise(ScoredSet(none, source())), {})).data.library_name == "xray"


def test_hostile_names_are_escaped():
    names = ["<script>|", "P\udcff\n---\n`x`"]
    changes = {"run": "a|b\n---\nlicense: mit", "data_root": "x`y\n: [", "notes": ["<script>\n## Heading"]}
    card = render_card(summarise(draw(class_names=names, source=source(names, **changes))), {})
    card.encode("utf-8")
    data = ModelCard(card).data
    assert "license" not in data.to_dict()
    assert data.model_name == "a|b\\n---\\nlicense: mit"
    assert "<script>" not in card.split("\n---\n", 1)[1]
    assert "\n## Heading" not in card


def test_banners_come_first():
    card = render_card(summarise(draw(source=source(set="validate", split="val"))), {})
    assert card.index("Validation images") < card.index("## Intended use")
    assert results(card)["roc_auc"].dataset_split == "validation"


def test_subgroups_stand_under_their_family_with_the_images_of_each_class():
    families = [group["family"] for group in SUMMARY["subgroups"]]
    lines = CARD.splitlines()
    for group in SUMMARY["subgroups"]:
        (row,) = [line for line in lines if line.startswith(f"| {group['name']} |")]
        assert [cell.strip() for cell in row.split("|")[2:4]] == [str(n) for n in group["images_by_class"].values()]
        assert lines.index(f"{group['family']}:") < lines.index(row)
    assert [line.rstrip(":") for line in lines if line.rstrip(":") in families] == list(dict.fromkeys(families))
