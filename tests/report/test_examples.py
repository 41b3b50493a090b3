from pathlib import Path

from tests.report.conftest import THRESHOLD, draw, write_images

from xray.report.examples import MAX_ERRORS, MAX_PAIRS, duplicate_pairs, worst_errors


def test_worst_errors_are_the_most_confident():
    scored_set = draw(images=400, patients=100)
    missed, called = worst_errors(scored_set.table, ["NORMAL", "PNEUMONIA"])
    table = scored_set.table
    rows = list(zip(table.probability, table.label, table.path, table.patient, strict=True))
    expected = sorted(row for row in rows if row[1] == "PNEUMONIA" and row[0] < THRESHOLD)
    assert len(expected) > MAX_ERRORS
    assert [image.probability for image in missed] == [row[0] for row in expected[:MAX_ERRORS]]
    expected = sorted((row for row in rows if row[1] == "NORMAL" and row[0] >= THRESHOLD), reverse=True)
    assert [image.probability for image in called] == [row[0] for row in expected[:MAX_ERRORS]]
    by_name = {Path(row[2]).name: row for row in rows}
    for image in missed:
        assert by_name[image.name][0] == image.probability
        assert by_name[image.name][3] == image.patient


def test_pairs_with_training_images_come_first():
    scored_set = draw()
    write_images(scored_set)
    paths = scored_set.table.path
    listed = [
        {"kind": "same file", "first": paths[i], "second": paths[i + 1], "similarity": 1.0, "with": "test"}
        for i in range(9)
    ]
    listed.append(
        {"kind": "near duplicate", "first": paths[0], "second": "gone", "similarity": 0.9, "with": "training"}
    )
    shown = duplicate_pairs(listed)
    assert len(shown) == 10
    assert shown[0]["with"] == "training"
    assert [bool(pair["thumbnails"]) for pair in shown] == [True] * MAX_PAIRS + [False] * (10 - MAX_PAIRS)
    assert shown[0]["thumbnails"][1].reason
    assert shown[1]["thumbnails"][1].uri
