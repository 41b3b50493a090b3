"""Files that cannot be read, and images in colour."""

import numpy as np
import pytest
from PIL import Image
from tests.audit.conftest import files_of, findings_of

from xray.audit.colour import COLOUR_THRESHOLD, colourfulness
from xray.data.decode.header import read_headers


def test_reports_unreadable_files_with_reasons_and_images_in_colour(images):
    broken = images / "train/NORMAL/IM-0900-0001.jpeg"
    broken.write_bytes((images / "train/NORMAL/IM-0101-0001.jpeg").read_bytes()[:700])
    (images / "test/PNEUMONIA/person900_virus_1.jpeg").write_text("text")
    (images / "val/NORMAL/IM-0901-0001.jpeg").touch()
    Image.new("RGB", (48, 48), (200, 60, 60)).save(images / "train/NORMAL/IM-0902-0001.jpeg")
    findings = findings_of(images)
    unreadable = findings["unreadable"]
    assert unreadable.severity == "blocking"
    assert unreadable.title == "3 files of 96 cannot be read."
    assert files_of(unreadable) == [
        "test/PNEUMONIA/person900_virus_1.jpeg",
        "train/NORMAL/IM-0900-0001.jpeg",
        "val/NORMAL/IM-0901-0001.jpeg",
    ]
    assert "truncated" in unreadable.cases[1].detail
    assert files_of(findings["coloured"]) == ["train/NORMAL/IM-0902-0001.jpeg"]


def test_all_files_may_be_unreadable(tmp_path):
    for name in ("NORMAL/IM-1-1.png", "PNEUMONIA/person1_virus_1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("text")
    assert findings_of(tmp_path)["unreadable"].title == "2 files of 2 cannot be read."


@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_colour_of_a_photograph_and_of_grey_stored_as_rgb(tmp_path, suffix):
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
