"""Single files: unreadable ones, and colour."""

import numpy as np
import pytest
from PIL import Image

from xray.audit.colour import COLOUR_THRESHOLD, colourfulness
from xray.data.decode.header import read_headers


def test_unreadable_files_are_blocking_and_named_with_their_reasons(images, found):
    broken = images / "train/NORMAL/IM-0900-0001.jpeg"
    broken.write_bytes((images / "train/NORMAL/IM-0101-0001.jpeg").read_bytes()[:700])
    (images / "test/PNEUMONIA/person900_virus_1.jpeg").write_text("text")
    (images / "val/NORMAL/IM-0901-0001.jpeg").touch()
    finding = found(images)["unreadable"]
    assert finding.severity == "blocking"
    assert finding.title == "3 files of 95 cannot be read."
    reasons = {case.files[0]: case.detail for case in finding.cases}
    assert list(reasons) == [
        "test/PNEUMONIA/person900_virus_1.jpeg",
        "train/NORMAL/IM-0900-0001.jpeg",
        "val/NORMAL/IM-0901-0001.jpeg",
    ]
    assert "truncated" in reasons["train/NORMAL/IM-0900-0001.jpeg"]


def test_a_folder_of_unreadable_files_is_still_audited(tmp_path, found):
    for name in ("NORMAL/IM-1-1.png", "PNEUMONIA/person1_virus_1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("text")
    assert found(tmp_path)["unreadable"].title == "2 files of 2 cannot be read."


@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_grey_stored_as_rgb_has_no_colour_and_a_photograph_has(tmp_path, suffix):
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 255, (200, 300), dtype=np.uint8))
    sky = Image.merge("RGB", [Image.new("L", (300, 200), level) for level in (90, 140, 220)])
    paths = [tmp_path / f"{name}.{suffix}" for name in ("grey", "rgb", "sky")]
    for image, path in zip((grey, grey.convert("RGB"), sky), paths, strict=True):
        image.save(path)
    grey_colour, rgb_colour, sky_colour = colourfulness(paths, read_headers(paths))
    assert grey_colour == 0
    assert rgb_colour < 1
    assert sky_colour == pytest.approx(130, abs=3)
    assert sky_colour > COLOUR_THRESHOLD


def test_an_image_in_colour_is_told(images, found):
    Image.new("RGB", (48, 48), (200, 60, 60)).save(images / "train/NORMAL/IM-0900-0001.jpeg")
    assert found(images)["coloured"].files == ["train/NORMAL/IM-0900-0001.jpeg"]
