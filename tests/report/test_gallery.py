from tests.report.conftest import draw, one_class, small

from xray.evaluation.shortcuts import BASELINES
from xray.evaluation.summary import summarise
from xray.report.gallery import CAPTIONS, SHORT_TITLES, draw_figures


def test_draws_every_figure(summary, history):
    assert list(draw_figures(draw(), summary, history)) == list(CAPTIONS)


def test_skips_figures_without_data():
    bare = small()
    missing = set(CAPTIONS) - set(draw_figures(bare, summarise(bare)))
    assert missing == {"shortcuts", "robustness", "training"}


def test_draws_figures_of_one_class():
    scored_set = one_class(draw())
    assert {"roc", "confusion", "decision_curve"} <= set(draw_figures(scored_set, summarise(scored_set)))


def test_each_baseline_has_a_short_title():
    assert set(SHORT_TITLES) == set(BASELINES)
