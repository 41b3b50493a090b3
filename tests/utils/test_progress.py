"""Long work is seen, on a terminal and in a log, and passes on what it yields."""

import pytest

from xray.utils.progress import QUICK, shown


@pytest.fixture(params=["terminal", "log"])
def place(request, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if request.param == "terminal" else "0")
    return request.param


@pytest.mark.parametrize("count", [0, 3, QUICK + 1])
def test_items_are_passed_on_as_they_come(place, count):
    assert list(shown(iter(range(count)), "Working", count)) == list(range(count))


def test_what_takes_long_is_said_on_standard_error(place, capsys):
    list(shown(range(QUICK + 1), "Decoding images", QUICK + 1))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Decoding images" in err


def test_a_log_gets_one_line_for_much_work_and_none_for_little(monkeypatch, capsys):
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    list(shown(range(2000), "Decoding images", 2000))
    assert capsys.readouterr().err == "Decoding images: 2,000\n"
    list(shown(range(5), "Decoding images", 5))
    assert capsys.readouterr().err == ""


def test_an_error_of_the_work_goes_through(place):
    def work():
        yield 1
        raise RuntimeError("broken")

    items = shown(work(), "Working", 2)
    assert next(items) == 1
    with pytest.raises(RuntimeError, match="broken"):
        list(items)
