import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from xray.report.embedded_image import MAX_BYTES, SIDE, thumbnail


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
