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

MODEL = SimpleNamespace(image_size=32, resize="squash")


def upload(side, name="film.png"):
    file = io.BytesIO()
    Image.fromarray(np.full((side, side), 100, np.uint8)).save(file, "PNG")
    return Upload(name, bytearray(file.getvalue()))


@pytest.fixture
def under_way(monkeypatch):
    """How many pictures were decoded at the same time, by their sides, as their threads saw it."""
    lock, now, most = threading.Lock(), {}, {}
    read = decoding.read_film

    def watched(source, least_side, pixels):
        film = read(source, least_side, pixels)
        side = film.shape[0]
        with lock:
            now[side] = now.get(side, 0) + 1
            most[side] = max(most.get(side, 0), now[side])
        time.sleep(0.05)
        with lock:
            now[side] -= 1
        return film

    monkeypatch.setattr(decoding, "read_film", watched)
    monkeypatch.setattr(decoding, "MANY_PIXELS", 100 * 100)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 4)
    return most


def films(*uploads, pixels=300 * 300):
    decoder = Decoder(MODEL, pixels)
    try:
        return asyncio.run(decoder.films(uploads))
    finally:
        decoder.close()


def test_large_pictures_are_decoded_one_at_a_time_and_others_meanwhile(under_way):
    found = films(*[upload(200), upload(90)] * 4)
    assert [film.shape for film in found] == [(32, 32)] * 8
    assert under_way[200] == 1
    assert under_way[90] > 1


def test_small_pictures_do_not_wait_for_large_ones(monkeypatch):
    monkeypatch.setattr(decoding, "MANY_PIXELS", 100 * 100)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 1)
    release, read = threading.Event(), decoding.read_film

    def waiting(source, least_side, pixels):
        film = read(source, least_side, pixels)
        if film.shape[0] > 100:
            assert release.wait(20)
        return film

    monkeypatch.setattr(decoding, "read_film", waiting)

    async def run():
        decoder = Decoder(MODEL, 300 * 300)
        large = asyncio.create_task(decoder.films([upload(200)]))
        small = await asyncio.wait_for(decoder.films([upload(50)]), 20)
        assert not large.done()
        release.set()
        return small, await large, decoder.close()

    small, large, _ = asyncio.run(run())
    assert len(small) == len(large) == 1


def test_what_is_above_the_limit_is_refused_with_that_limit(under_way):
    with pytest.raises(ApiError, match="limit of 90000") as refused:
        films(upload(301, "large.png"), upload(20))
    assert refused.value.status == 413
    assert [(file.index, file.code) for file in refused.value.files] == [(0, "too_many_pixels")]
