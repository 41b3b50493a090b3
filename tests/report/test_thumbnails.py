import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image
from tests.report.conftest import THRESHOLD, draw, write_images

from xray.report.thumbnails import MOST_BYTES, MOST_ERRORS, MOST_PAIRS, SIDE, pairs, thumbnail, worst_errors


def decoded(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.removeprefix("data:image/jpeg;base64,"))))


def test_a_thumbnail_is_the_image_in_a_small_square():
    Image.new("L", (400, 200), 200).save("a.png")
    image = decoded(thumbnail("a.png"))
    assert (image.format, image.size) == ("JPEG", (SIDE, SIDE))
    pixels = np.asarray(image)
    assert abs(int(pixels[SIDE // 2, SIDE // 2]) - 200) < 5
    assert pixels[5, SIDE // 2] < 10


def test_even_noise_stays_small():
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)).save("noise.png")
    assert len(base64.b64decode(thumbnail("noise.png").uri.partition(",")[2])) <= MOST_BYTES


def test_an_image_that_is_gone_or_broken_says_so():
    Path("broken.jpeg").write_bytes(b"no image")
    Path("folder.jpeg").mkdir()
    for path, reason in (
        ("gone.jpeg", "no longer there"),
        ("folder.jpeg", "no longer there"),
        ("broken.jpeg", "cannot be read"),
    ):
        picture = thumbnail(path)
        assert picture.uri == ""
        assert reason in picture.reason


def test_the_worst_errors_are_the_most_confident_ones():
    found = draw(images=400, patients=100)
    missed, called = worst_errors(found.table, ["NORMAL", "PNEUMONIA"])
    table = found.table
    rows = list(zip(table.probability, table.label, table.path, table.patient, strict=True))
    expected = sorted(row for row in rows if row[1] == "PNEUMONIA" and row[0] < THRESHOLD)
    assert len(expected) > MOST_ERRORS
    assert [image.probability for image in missed] == [row[0] for row in expected[:MOST_ERRORS]]
    expected = sorted((row for row in rows if row[1] == "NORMAL" and row[0] >= THRESHOLD), reverse=True)
    assert [image.probability for image in called] == [row[0] for row in expected[:MOST_ERRORS]]
    by_name = {Path(row[2]).name: row for row in rows}
    for image in missed:
        assert by_name[image.name][0] == image.probability
        assert by_name[image.name][3] == image.patient


def test_images_of_training_come_first_and_only_the_first_pairs_have_pictures():
    found = draw()
    write_images(found)
    paths = found.table.path
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
    assert [bool(pair["pictures"]) for pair in shown] == [True] * MOST_PAIRS + [False] * (10 - MOST_PAIRS)
    assert shown[0]["pictures"][1].reason
    assert shown[1]["pictures"][1].uri
