import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image
from tests.report.conftest import THRESHOLD, draw, write_images

from xray.report.thumbnails import MAX_BYTES, MAX_ERRORS, MAX_PAIRS, SIDE, pairs, thumbnail, worst_errors


def decoded(embedded):
    return Image.open(io.BytesIO(base64.b64decode(embedded.uri.removeprefix("data:image/jpeg;base64,"))))


def test_thumbnail_is_a_small_square():
    Image.new("L", (400, 200), 200).save("a.png")
    image = decoded(thumbnail("a.png"))
    assert (image.format, image.size) == ("JPEG", (SIDE, SIDE))
    pixels = np.asarray(image)
    assert abs(int(pixels[SIDE // 2, SIDE // 2]) - 200) < 5
    assert pixels[5, SIDE // 2] < 10


def test_thumbnail_of_noise_stays_small():
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)).save("noise.png")
    assert len(base64.b64decode(thumbnail("noise.png").uri.partition(",")[2])) <= MAX_BYTES


def test_missing_or_broken_image_gives_a_reason():
    Path("broken.jpeg").write_bytes(b"no images")
    Path("folder.jpeg").mkdir()
    for path, reason in (
        ("gone.jpeg", "no longer exists"),
        ("folder.jpeg", "no longer exists"),
        ("broken.jpeg", "cannot be read"),
    ):
        embedded = thumbnail(path)
        assert embedded.uri == ""
        assert reason in embedded.reason


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
    shown = pairs(listed)
    assert len(shown) == 10
    assert shown[0]["with"] == "training"
    assert [bool(pair["thumbnails"]) for pair in shown] == [True] * MAX_PAIRS + [False] * (10 - MAX_PAIRS)
    assert shown[0]["thumbnails"][1].reason
    assert shown[1]["thumbnails"][1].uri
