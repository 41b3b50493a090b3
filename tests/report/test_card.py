import huggingface_hub
import pytest
from huggingface_hub import ModelCard
from tests.report.conftest import draw, one_class, source

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise
from xray.report.card import HUB_METRICS, render_card
from xray.report.summary_text import interval, number, rows

SUMMARY = summarise(draw())
CARD = render_card(SUMMARY, {"roc": ""})


def results(card):
    return {result.metric_type: result for result in ModelCard(card).data.eval_results or []}


def test_the_block_is_read_back_by_the_hubs_own_library(tmp_path):
    data = ModelCard(CARD).data
    assert (data.library_name, data.pipeline_tag, data.model_name) == ("xray", "image-classification", "cnn/version_0")
    assert "pneumonia" in data.tags
    assert "license" not in data.to_dict()
    (tmp_path / "README.md").write_text(CARD)
    assert huggingface_hub.metadata_load(tmp_path / "README.md")["model-index"][0]["name"] == "cnn/version_0"


def test_the_results_of_the_block_are_the_figures():
    found = results(CARD)
    assert set(found) == set(HUB_METRICS.values())
    for name, kind in HUB_METRICS.items():
        assert found[kind].metric_value == SUMMARY["figures"][name]["value"]
        assert found[kind].dataset_name == "images"
        assert found[kind].dataset_split == "test"


def test_the_table_holds_each_figure_with_its_interval():
    for title, found in rows(SUMMARY):
        (line,) = [line for line in CARD.splitlines() if line.startswith(f"| {title} |")]
        assert number(found["value"]).replace("<", "&lt;").replace(">", "&gt;") in line
        assert interval(found).replace(">", "&gt;") in line


@pytest.mark.parametrize("heading", ["Intended use", "What it is not for", "Data", "Training", "Evaluation", "Limits"])
def test_the_card_has_its_parts(heading):
    assert f"\n## {heading}\n" in CARD


def test_the_card_says_what_must_be_said():
    for part in (
        NOTICE,
        ONE_SOURCE,
        "python -m xray fit --config logs/cnn/version_0/config.yaml",
        "scored-fingerprint",
    ):
        assert part in CARD
    assert "![ROC curve](figures/roc.png)" in CARD
    assert "confusion.png" not in CARD


def test_tables_are_whole():
    for block in CARD.split("\n\n"):
        lines = block.strip().splitlines()
        if lines[0].startswith("|"):
            assert lines[1].startswith("|--")
            assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_undefined_figures_are_left_out_of_the_block():
    card = render_card(summarise(one_class(draw())), {})
    assert "roc_auc" not in results(card)
    assert "recall" in results(card)
    assert "| AUROC | not defined | not defined for these images |" in card


def test_a_card_without_any_figure_has_a_block():
    table = draw().table
    none = type(table)((), (), (), table.logit[:0], table.logit[:0], ())
    assert ModelCard(render_card(summarise(ScoredSet(none, source())), {})).data.library_name == "xray"


def test_hostile_names_stay_text():
    names = ["<script>|", "P\udcff\n---\n`x`"]
    changes = {"run": "a|b\n---\nlicense: mit", "data_root": "x`y\n: [", "notes": ["<script>\n## Heading"]}
    card = render_card(summarise(draw(class_names=names, source=source(names, **changes))), {})
    card.encode("utf-8")
    data = ModelCard(card).data
    assert "license" not in data.to_dict()
    assert data.model_name == "a|b\\n---\\nlicense: mit"
    assert "<script>" not in card.split("\n---\n", 1)[1]
    assert "\n## Heading" not in card


def test_what_must_be_known_first_stands_on_top():
    card = render_card(summarise(draw(source=source(set="validate", split="val"))), {})
    assert card.index("Validation images") < card.index("## Intended use")
    assert results(card)["roc_auc"].dataset_split == "validation"
