"""Position and colours of the map over the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.data.decode.image import resize_image
from xray.explain.maps import MIN_LIMIT, Explanation
from xray.explain.overlay import NEGATIVE, OPACITY, POSITIVE, colours, heat_layer, lay_over, over_grey

RULES = ["stretch", "pad", "crop"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(300, 200), (90, 400), (201, 333), (17, 16)])
def test_a_map_lies_where_the_network_looked(rule, shape):
    # An image of two slopes, made square as for the network: as a map it must come back as the image was.
    height, width = shape
    rows, columns = np.mgrid[:height, :width]
    for image in (rows / height, columns / width):
        square = resize_image(np.rint(55 + 200 * image).astype(np.uint8), 64, rule).astype(np.float64)
        back = lay_over(square, shape, rule)
        seen = back != 0
        if rule == "crop":
            side = min(shape)
            assert abs(seen.any(1).sum() - side) <= 1
            assert abs(seen.any(0).sum() - side) <= 1
        else:
            assert seen.all()
        # Borders of a padded image mix with the padding for a pixel of the square.
        edge = int(np.ceil(1.5 * max(shape) / 64))
        inner = np.zeros(shape, dtype=bool)
        inner[edge:-edge, edge:-edge] = True
        if rule == "crop":
            inner[: (height - side) // 2 + edge] = inner[(height + side) // 2 - edge :] = False
            inner[:, : (width - side) // 2 + edge] = inner[:, (width + side) // 2 - edge :] = False
        # Within a pixel of the square, which along the shorter side of a padded image is more of the image.
        pixel = max(shape) / min(shape) / 64 if rule == "pad" else 1 / 64
        if inner.any():
            assert np.abs(back - (55 + 200 * image))[inner].max() <= 200 * 1.1 * pixel


@pytest.mark.parametrize("rule", RULES)
def test_one_bright_place_comes_back_in_its_place(rule):
    # Two pixels of the image are, or with padding three, one of the square.
    image = np.zeros((240, 160), np.uint8)
    image[100:110, 60:70] = 255
    back = lay_over(resize_image(image, 80, rule).astype(np.float64), image.shape, rule)
    rows, columns = np.mgrid[:240, :160] + 0.5
    assert (rows * back).sum() / back.sum() == pytest.approx(105, abs=2)
    assert (columns * back).sum() / back.sum() == pytest.approx(65, abs=2)


def test_what_was_cut_off_is_transparent():
    layer = heat_layer(Explanation.of("gradcam", np.ones((4, 4))), (100, 300), "crop")
    assert (layer[:, :100, 3] == 0).all()
    assert (layer[:, 200:, 3] == 0).all()
    assert (layer[:, 100:200, 3] == round(255 * OPACITY)).all()


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(RULES),
    st.integers(0, 99),
)
def test_resampling_adds_no_extremes(rows, columns, height, width, rule, seed):
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    spread = lay_over(values, (height, width), rule)
    assert spread.shape == (height, width)
    assert spread.max() <= max(values.max(), 0) + 1e-5
    assert spread.min() >= min(values.min(), 0) - 1e-5
    np.testing.assert_allclose(lay_over(np.ones((rows, columns)), (height, width), "stretch"), 1, rtol=1e-5)


def test_cells_keep_their_value_at_their_centre():
    values = np.array([[1.0, -2.0], [3.0, 0.5]])
    spread = lay_over(values, (102, 102), "stretch")
    for (row, column), value in np.ndenumerate(values):
        assert spread[25 + 51 * row, 25 + 51 * column] == pytest.approx(value, abs=0.05)


def test_the_sign_is_the_colour_and_the_size_the_opacity():
    layer = colours(np.array([[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]]))[0]
    assert (layer[:3, :3] == NEGATIVE).all()
    assert (layer[4:, :3] == POSITIVE).all()
    full = round(255 * OPACITY)
    assert layer[:, 3].tolist() == [full, full, round(full / 2), 0, round(full / 2), full, full]


def test_the_scale_ends_at_the_largest_value_but_never_below_the_baseline():
    assert Explanation.of("gradcam", np.array([[0.5, -3.0]])).limit == 3
    faint = Explanation.of("occlusion", np.full((4, 4), MIN_LIMIT / 10))
    assert faint.limit == MIN_LIMIT
    assert heat_layer(faint, (20, 20), "stretch")[..., 3].max() <= 255 * OPACITY / 10 + 1
    assert heat_layer(Explanation.of("occlusion", np.zeros((4, 4))), (20, 20), "stretch")[..., 3].max() == 0


def test_an_image_is_seen_through_the_layer():
    image = np.array([[0, 100, 255]], np.uint8)
    assert (over_grey(image, colours(np.zeros((1, 3)))) == image[..., None]).all()
    mixed = over_grey(image, colours(np.ones((1, 3)))).astype(int)
    expected = image[..., None] * (1 - OPACITY) + np.array(POSITIVE) * OPACITY
    assert np.abs(mixed - expected).max() <= 1
