from tests.report.conftest import draw, one_class

from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import ABLATION_IMAGES, BASELINES
from xray.evaluation.summary import summarise
from xray.report.gallery import HOW_TO_READ, SHORT_TITLES, draw_figures


def test_whole_evidence_gives_each_figure():
    found = draw()
    assert list(draw_figures(found, summarise(found))) == list(HOW_TO_READ)


def test_what_was_not_recorded_is_not_drawn():
    found = draw()
    bare = ScoredSet(found.table, found.source)
    missing = set(HOW_TO_READ) - set(draw_figures(bare, summarise(bare)))
    assert missing == {"shortcuts", "robustness"}


def test_one_class_is_drawn():
    found = one_class(draw())
    assert {"roc", "confusion", "decision_curve"} <= set(draw_figures(found, summarise(found)))


def test_each_control_has_a_short_title():
    assert set(SHORT_TITLES) == set(BASELINES | ABLATION_IMAGES)
