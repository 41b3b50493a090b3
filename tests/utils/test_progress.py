"""Progress on a terminal and in a log."""

import pytest

from xray.utils.progress import MIN_LOGGED, with_progress


@pytest.fixture(params=["terminal", "log"])
def output(request, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if request.param == "terminal" else "0")
    return request.param


@pytest.mark.parametrize("count", [0, 3, MIN_LOGGED])
def test_yields_all_items(output, count):
    assert list(with_progress(iter(range(count)), "Working", count)) == list(range(count))


def test_reports_long_work_on_standard_error(output, capsys):
    list(with_progress(range(MIN_LOGGED), "Decoding images", MIN_LOGGED))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Decoding images" in err


def test_log_has_one_line_for_long_work_only(monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    list(with_progress(range(2000), "Decoding images", 2000))
    assert capsys.readouterr().err == "Decoding images: 2,000\n"
    list(with_progress(range(5), "Decoding images", 5))
    assert capsys.readouterr().err == ""


def test_passes_on_exceptions(output):
    def work():
        yield 1
        raise RuntimeError("broken")

    items = with_progress(work(), "Working", 2)
    assert next(items) == 1
    with pytest.raises(RuntimeError, match="broken"):
        list(items)
