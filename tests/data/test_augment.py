"""Each augmentation does what its name says, within its strength, and differently for each image."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch.nn import functional as nnf
from torchvision.transforms import v2

from xray.data.augment import Augmentation, affine_grid, augment, augment_batch, augmentation_steps
from xray.utils.errors import UserError

OFF = Augmentation(rotation=0, shift=0, scale=0, exposure=0, contrast=0)
NAMES = [field.name for field in fields(Augmentation)]
SIDE = 128
CENTRE = (SIDE - 1) / 2
# (x, y) of four soft dots; a dot moves by less than REACH under the strengths used here.
DOTS = np.array([[30, 40], [95, 35], [40, 90], [90, 98]], dtype=float)
REACH = 22


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def noise(count, side=32):
    return torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8)


def dotted(count):
    y, x = np.mgrid[:SIDE, :SIDE]
    image = sum(250 * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / (2 * 2.5**2)) for dx, dy in DOTS)
    return torch.from_numpy(image.round().astype(np.uint8)).expand(count, 1, SIDE, SIDE)


def motions(images):
    """Fit the matrix and the shift, in pixels about the centre, that moved the dots of each image."""
    result = []
    for image in images[:, 0].numpy():
        moved = []
        for x, y in DOTS.astype(int):
            window = np.zeros_like(image)
            cut = slice(max(y - REACH, 0), y + REACH + 1), slice(max(x - REACH, 0), x + REACH + 1)
            window[cut] = image[cut]
            moved.append(ndimage.center_of_mass(window)[::-1])
        known = np.c_[DOTS - CENTRE, np.ones(len(DOTS))]
        solution, residual, *_ = np.linalg.lstsq(known, np.array(moved) - CENTRE, rcond=None)
        assert residual.max() < 0.05  # the motion is affine
        result.append((solution[:2].T, solution[2]))
    matrices, shifts = zip(*result, strict=True)
    return np.array(matrices), np.array(shifts)


def assert_uniform_within(values, limit):
    """Check that values are uniformly distributed between minus and plus the limit."""
    assert np.abs(values).max() <= limit * 1.01
    assert stats.kstest(values, "uniform", args=(-limit, 2 * limit)).pvalue > 0.001


def test_shape_dtype_and_range():
    images = augment(noise(16), Augmentation(rotation=30, shift=0.2, scale=0.3, exposure=1, contrast=0.9))
    assert images.shape == (16, 1, 32, 32)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.isfinite().all()


def test_zero_strengths_only_scale_to_one():
    images = noise(4)
    np.testing.assert_array_equal(augment(images, OFF), images.numpy().astype(np.float32) / 255)


def test_input_is_not_changed():
    images = noise(4)
    before = images.clone()
    augment(images, Augmentation())
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_each_strength_changes_each_image_differently(name):
    images = augment(noise(1).expand(8, -1, -1, -1), replace(OFF, **{name: 0.5 if name != "rotation" else 10}))
    assert len({image.numpy().tobytes() for image in images}) == 8


def test_result_depends_on_the_global_generator():
    images = noise(4)
    torch.manual_seed(3)
    first, second = augment(images, Augmentation()), augment(images, Augmentation())
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(augment(images, Augmentation()), first)


def test_rotation_is_about_the_centre():
    matrices, shifts = motions(augment(dotted(200), replace(OFF, rotation=10)))
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=0.01)
    np.testing.assert_allclose(matrices.transpose(0, 2, 1) @ matrices, np.tile(np.eye(2), (200, 1, 1)), atol=0.01)
    assert np.abs(shifts).max() < 0.1
    assert_uniform_within(np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])), 10)


def test_shift_is_a_fraction_of_the_side():
    matrices, shifts = motions(augment(dotted(200), replace(OFF, shift=0.1)))
    np.testing.assert_allclose(matrices, np.tile(np.eye(2), (200, 1, 1)), atol=0.01)
    for axis in (0, 1):
        assert_uniform_within(shifts[:, axis], 0.1 * SIDE)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.2


def test_scale_is_equal_in_both_directions():
    matrices, shifts = motions(augment(dotted(200), replace(OFF, scale=0.2)))
    zoom = matrices[:, 0, 0]
    np.testing.assert_allclose(matrices, zoom[:, None, None] * np.eye(2), atol=0.01)
    assert np.abs(shifts).max() < 0.1
    assert_uniform_within(zoom - 1, 0.2)


def test_affine_grid_equals_that_of_torch():
    matrices = torch.eye(2, 3) + torch.randn(20, 2, 3) * 0.3
    for size in (16, 33):
        expected = nnf.affine_grid(matrices, [20, 1, size, size], align_corners=False)
        torch.testing.assert_close(affine_grid(matrices, size), expected, rtol=0, atol=1e-6)


def test_combined_motions_neither_shear_nor_flip():
    matrices, _ = motions(augment(dotted(100), replace(OFF, rotation=8, shift=0.04, scale=0.1)))
    zoom = np.sqrt(np.linalg.det(matrices))  # fails on a flip
    rigid = matrices / zoom[:, None, None]
    np.testing.assert_allclose(rigid.transpose(0, 2, 1) @ rigid, np.tile(np.eye(2), (100, 1, 1)), atol=0.015)
    angle = np.degrees(np.arctan2(rigid[:, 1, 0], rigid[:, 0, 0]))
    # Drawn independently.
    assert abs(np.corrcoef(angle, zoom)[0, 1]) < 0.3


def test_area_outside_the_image_is_black():
    white = torch.full((20, 1, 32, 32), 255, dtype=torch.uint8)
    images = augment(white, replace(OFF, shift=0.3))
    assert (images.amin(dim=(1, 2, 3)) == 0).float().mean() > 0.9
    assert images.max() == 1


def test_exposure_is_a_gamma_curve():
    greys = torch.tensor([0, 60, 120, 200, 255], dtype=torch.uint8)
    images = augment(greys.repeat(400, 1, 5, 1), replace(OFF, exposure=0.4))[:, 0, 0]
    assert (images[:, 0] == 0).all()
    assert (images[:, 4] == 1).all()
    gamma = np.log(images[:, 1:4].numpy()) / np.log(greys[1:4].numpy() / 255)
    np.testing.assert_allclose(gamma, gamma[:, :1] * np.ones(3), rtol=1e-3)
    assert_uniform_within(np.log(gamma[:, 0]), 0.4)


def test_contrast_is_scaled_about_the_mean_of_each_image():
    greys = torch.tensor([70, 100, 100, 150], dtype=torch.uint8)
    images = augment(greys.repeat(400, 1, 4, 1), replace(OFF, contrast=0.3))[:, 0, 0].numpy() * 255
    np.testing.assert_allclose(images.mean(axis=1), 105, atol=0.01)
    factors = (images - 105) / (greys.numpy() - 105.0)
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones(4), rtol=1e-3)
    assert_uniform_within(factors[:, 0] - 1, 0.3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-0.01, float("nan")])
def test_rejects_negative_and_invalid_strengths(name, value):
    with pytest.raises(UserError, match=f"data.augmentation.{name} {value}"):
        Augmentation(**{name: value})


@pytest.mark.parametrize("name", ["shift", "scale", "contrast"])
def test_rejects_strengths_from_one(name):
    Augmentation(**{name: 0.99})
    with pytest.raises(UserError, match=f"data.augmentation.{name}"):
        Augmentation(**{name: 1.0})


# Steps of one's own


def test_steps_are_applied_in_order_and_give_floats():
    images = noise(4)
    steps = augmentation_steps([lambda images: 255 - images, lambda images: images // 2])
    torch.testing.assert_close(augment_batch(images, steps), ((255 - images) // 2).float() / 255)
    torch.testing.assert_close(augment_batch(images, augmentation_steps(None)), images.float() / 255)
    assert augmentation_steps([]) == []


def test_the_default_is_a_step_that_takes_floats_too():
    images, strengths = noise(4), Augmentation()
    torch.manual_seed(1)
    expected = augment(images, strengths)
    for given in (images, images.float() / 255):
        torch.manual_seed(1)
        torch.testing.assert_close(augment_batch(given, augmentation_steps(strengths)), expected, rtol=0, atol=0)


def test_transforms_of_torchvision_draw_for_each_image():
    (step,) = augmentation_steps(v2.RandomRotation([-45, 45]))
    images = dotted(2)
    torch.manual_seed(1)
    first, second = augmented = augment_batch(images, [step])
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    assert torch.equal(augmented, augment_batch(images, [step]))


def test_a_step_that_changes_the_shape_is_rejected():
    with pytest.raises(UserError, match=r"RandomCrop makes \(4, 1, 8, 8\) of images of \(4, 1, 32, 32\)"):
        augment_batch(noise(4), augmentation_steps(v2.RandomCrop(8)))
    with pytest.raises(UserError, match="function makes tuple"):
        augment_batch(noise(4), augmentation_steps(lambda images: (images, 1)))


@pytest.mark.parametrize("transform", [v2.ToPILImage(), v2.RandomResize(8, 32)])
def test_images_that_make_no_batch_are_rejected(transform):
    with pytest.raises(UserError, match=f"data.augmentation {type(transform).__name__} makes images of several sizes"):
        augment_batch(noise(9), augmentation_steps(transform))


def test_normalisation_is_left_to_the_model():
    with pytest.raises(UserError, match="Normalize would change training images only"):
        augmentation_steps([v2.RandomHorizontalFlip(), v2.Normalize([0.5], [0.2])])
