from tests.report.conftest import small, source

from xray.evaluation.summary import summarise
from xray.report.terminal import print_summary


def test_prints_first_where_the_decision_does_not_hold(capsys):
    worse = {"sensitivity": 0.2, "sensitivity_interval": [0.1, 0.3]}
    decision = source()["decision"] | worse
    summary = summarise(small(external=True, decision=decision))
    print_summary(summary, "External images")
    shown = capsys.readouterr().out.splitlines()
    assert shown[: len(summary["validation_gap"]["sentences"])] == summary["validation_gap"]["sentences"]
    assert shown[0].startswith("On these images sensitivity is ")


def test_prints_nothing_of_validation_where_it_holds(capsys):
    print_summary(summarise(small()), "Test images")
    assert capsys.readouterr().out.lstrip().startswith("Test images")
