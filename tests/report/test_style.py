import pytest

from xray.report.style import inset_side


@pytest.mark.parametrize(("distance", "side"), [(0.0, 0.02), (0.01, 0.02), (0.03, 0.1), (0.1, 0.2), (0.11, None)])
def test_inset_side_is_at_least_twice_the_distance(distance, side):
    assert inset_side(distance) == side
