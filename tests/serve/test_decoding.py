"""Several pictures are decoded at a time, but large ones one after the other."""

import asyncio
import io
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from xray.serve import decoding
from xray.serve.decoding import Decoder
from xray.serve.errors import ApiError
from xray.serve.uploads import Upload

MODEL = SimpleNamespace(image_size=32, resize="stretch")


def upload(side, name="image.png"):
    file = io.BytesIO()
    Image.fromarray(np.full((side, side), 100, np.uint8)).save(file, "PNG")
    return Upload(name, bytearray(file.getvalue()))


@pytest.fixture
def under_way(monkeypatch):
    """How many pictures were decoded at the same time, by their sides, as their threads saw it."""
    lock, now, most = threading.Lock(), {}, {}
    read = decoding.read_image

    def watched(source, least_side, pixels):
        image = read(source, least_side, pixels)
        side = image.shape[0]
        with lock:
            now[side] = now.get(side, 0) + 1
            most[side] = max(most.get(side, 0), now[side])
        time.sleep(0.05)
        with lock:
            now[side] -= 1
        return image

    monkeypatch.setattr(decoding, "read_image", watched)
    monkeypatch.setattr(decoding, "MANY_PIXELS", 100 * 100)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 4)
    return most


def images(*uploads, pixels=300 * 300):
    decoder = Decoder(MODEL, pixels)
    try:
        return asyncio.run(decoder.images(uploads))
    finally:
        decoder.close()


def test_large_pictures_are_decoded_one_at_a_time_and_others_meanwhile(under_way):
    found = images(*[upload(200), upload(90)] * 4)
    assert [image.shape for image in found] == [(32, 32)] * 8
    assert under_way[200] == 1
    assert under_way[90] > 1


def test_small_pictures_do_not_wait_for_large_ones(monkeypatch):
    monkeypatch.setattr(decoding, "MANY_PIXELS", 100 * 100)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 1)
    release, read = threading.Event(), decoding.read_image

    def waiting(source, least_side, pixels):
        image = read(source, least_side, pixels)
        if image.shape[0] > 100:
            assert release.wait(20)
        return image

    monkeypatch.setattr(decoding, "read_image", waiting)

    async def run():
        decoder = Decoder(MODEL, 300 * 300)
        large = asyncio.create_task(decoder.images([upload(200)]))
        small = await asyncio.wait_for(decoder.images([upload(50)]), 20)
        assert not large.done()
        release.set()
        return small, await large, decoder.close()

    small, large, _ = asyncio.run(run())
    assert len(small) == len(large) == 1


def test_what_is_above_the_limit_is_rejected_with_that_limit(under_way):
    with pytest.raises(ApiError, match="limit of 90000") as rejected:
        images(upload(301, "large.png"), upload(20))
    assert rejected.value.status == 413
    assert [(file.index, file.code) for file in rejected.value.files] == [(0, "too_many_pixels")]
