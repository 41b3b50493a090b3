import math

import pytest

from xray.runs.history import duration, read_history


def test_reads_epochs_with_empty_values(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,train/loss,val/loss,val/auroc,lr,seconds\n1,0.5,,0.9,0.001,12.5\n")
    ((first),) = read_history(tmp_path)
    assert math.isnan(first["val/loss"])
    assert (first["epoch"], first["train/loss"], first["val/auroc"], first["seconds"]) == (1, 0.5, 0.9, 12.5)


def test_a_run_without_record_has_no_epochs(tmp_path):
    assert read_history(tmp_path) == []


@pytest.mark.parametrize(("seconds", "text"), [(48.4, "48 s"), (150, "2 min"), (3600 + 299, "1 h 5 min")])
def test_duration_is_readable(seconds, text):
    assert duration([{"seconds": seconds / 2}] * 2) == text
