"""Find duplicate images: identical files, and copies that were recompressed, resized, brightened or cropped.

Perceptual hashes do not separate copies from two images of one child in the same position. On 5,232 real images of
128x128, a DCT hash of 64 bits (as in Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010)
put images of different children as close as 2 bits, and copies cropped by 4% as far apart as 16. The correlation of
high-passed images after registration does separate them. Copies cropped by up to 5% on each side, saved as JPEG of
quality 60 and changed by a gamma of 0.8 to 1.25 reached 0.93 or more in 99% of cases; 250 full-size originals and their
copies of 224x224 all reached 0.96. The highest correlation between different children was 0.81, between images of one
child 0.77, and between drawings of chests, which are more similar than real ones, 0.89.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.data.cache.hashing import is_content
from xray.utils.progress import with_progress

FloatImages = npt.NDArray[np.float32]
"""Shape (images, side, side), any range of values."""
Transforms = npt.NDArray[np.float64]
"""Scale and shift in pixels of the rows, then of the columns; shape (pairs, 4)."""

COPY: Final = 0.91
"""Minimum correlation of two copies; see above."""

COARSE_SIDE: Final = 16
COARSE_BLUR_SIGMA: Final = 2.0
"""Standard deviation in pixels of the blur that the high-pass filter subtracts from coarse images."""
CANDIDATE: Final = 0.94
"""Minimum coarse correlation of pairs that are registered: 1 pair in 16,000 of the real images, and 99% of their copies
cropped by up to 5% on each side."""

CUTS: Final = ((0.0, 0.0), (0.03, 0.03), (0.05, 0.0), (0.0, 0.05))
"""Fractions cut off at the two ends of an axis, for which copies are searched."""
Frame = tuple[tuple[float, float], tuple[float, float]]
"""Cuts of the rows and of the columns."""
FRAMES: Final[tuple[Frame, ...]] = tuple(product(CUTS, CUTS))
"""All combinations; the first one cuts nothing."""

FINE_SIDE: Final = 64
REGISTRATION_BLUR_SIGMA: Final = 3.0
"""As `COARSE_BLUR_SIGMA`, for registration: coarse enough to converge."""
COMPARISON_BLUR_SIGMA: Final = 2.0
"""As `COARSE_BLUR_SIGMA`, after registration: fine enough to distinguish two images of one child."""
STEPS: Final = 10
"""Gauss-Newton steps; copies converge after about six."""
MIN_OVERLAP: Final = 0.6
"""Minimum fraction of the image that two registered images must share."""

BLOCK: Final = 2**25
"""Number of coarse correlations in memory at a time, 128 MB for any number of images."""
PAIRS_PER_CHUNK: Final = 256


class NearDuplicate(NamedTuple):
    """Two images that are copies of each other, though their files differ."""

    first: int
    """Position of the one that comes first."""
    second: int
    similarity: float
    """Correlation of their shared area, from `COPY` to 1."""


class _Candidate(NamedTuple):
    """A pair with a high coarse correlation: the image `cut`, restricted to a frame, resembles the image `whole`."""

    cut: int
    whole: int
    frame: int
    """Position in `FRAMES`."""
    similarity: float


def exact_duplicates(digests: Sequence[str]) -> list[list[int]]:
    """Return the positions of files with equal digests: one ascending list for each, ordered by their first files.

    Empty and unreadable files equal no other file.
    """
    positions: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(digests):
        if is_content(digest):
            positions[digest].append(i)
    return [same for same in positions.values() if len(same) > 1]


def near_duplicates(images: Images, min_similarity: float = COPY) -> list[NearDuplicate]:
    """Find pairs of images that are copies, also after recompression, resizing, brightening or cropping by up to 5%.

    First, all pairs are compared as high-passed images of 16x16, by a matrix product for each of 16 ways in which one
    may be cropped (normalised cross-correlation: Lewis, Fast Normalized Cross-Correlation, 1995). The few candidates
    are registered by shift and scale of both axes at 64x64 (Baker and Matthews, Lucas-Kanade 20 Years On,
    International Journal of Computer Vision 56 (2004) 221-255) and correlated again.

    Mirrored, rotated and inverted copies are not found, nor copies of images without any structure.

    Args:
        images: Shape (images, size, size), dtype uint8, each stretched to a square; `size` at least 64.
        min_similarity: Minimum correlation of a pair.

    Returns:
        The pairs, most similar first.
    """
    candidates = list(_candidates(images))
    duplicates = []
    for start in range(0, len(candidates), PAIRS_PER_CHUNK):
        pairs = candidates[start : start + PAIRS_PER_CHUNK]
        target, moving = (_fine(images[[getattr(pair, which) for pair in pairs]]) for which in ("whole", "cut"))
        transforms = _register(target, moving, [FRAMES[pair.frame] for pair in pairs])
        similarities = _correlation(target, moving, transforms)
        duplicates += [
            NearDuplicate(min(pair.cut, pair.whole), max(pair.cut, pair.whole), min(1.0, float(similarity)))
            for pair, similarity in zip(pairs, similarities, strict=True)
            if similarity >= min_similarity
        ]
    return sorted(duplicates, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _candidates(images: Images) -> Iterator[_Candidate]:
    """Yield each pair with a high coarse correlation, with the frame of the highest correlation."""
    rows = max(1, min(1024, BLOCK // max(1, len(images))))
    blocks = [slice(start, start + rows) for start in range(0, len(images), rows)]
    whole = np.concatenate([np.empty((0, COARSE_SIDE**2), np.float32)] + [_coarse(_fine(images[b])) for b in blocks])
    best: dict[tuple[int, int], _Candidate] = {}
    for block in with_progress(blocks, "Comparing images", len(blocks)):
        fine = _fine(images[block])
        for number, frame in enumerate(FRAMES):
            similarities = _coarse(fine, frame) @ whole.T
            for i, j in np.argwhere(similarities >= CANDIDATE).tolist():
                candidate = _Candidate(block.start + i, j, number, float(similarities[i, j]))
                pair = min(candidate.cut, j), max(candidate.cut, j)
                if candidate.cut != j and (pair not in best or best[pair].similarity < candidate.similarity):
                    best[pair] = candidate
    yield from best.values()


def _fine(images: Images) -> FloatImages:
    return _resized(images.astype(np.float32), FINE_SIDE)


def _coarse(fine: FloatImages, frame: Frame = FRAMES[0]) -> FloatImages:
    """Return vectors whose dot product is the images' correlation, shape (images, 256); zero without structure."""
    flat = _high_passed(_resized(fine, COARSE_SIDE, frame), COARSE_BLUR_SIGMA).reshape(len(fine), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    # A blank image has a small length too, from rounding.
    return np.where(length > 1e-2, flat / np.maximum(length, 1e-2), 0.0)


def _resized(images: FloatImages, side: int, frame: Frame = FRAMES[0]) -> FloatImages:
    """Crop images to a frame and average them down to (images, side, side)."""
    count, pixels, _ = images.shape
    rows, columns = (_averaging(pixels, side, *cut) for cut in frame)
    # Two products of large matrices are much faster than many products of small ones.
    narrow = (images.reshape(-1, pixels) @ columns.T).reshape(count, pixels, side)
    small = narrow.transpose(0, 2, 1).reshape(-1, pixels) @ rows.T
    return small.reshape(count, side, side).transpose(0, 2, 1).astype(np.float32, copy=False)


def _averaging(pixels: int, cells: int, cut_first: float, cut_last: float) -> FloatImages:
    """Return a matrix of shape (cells, pixels) that averages a line of pixels, without its cut ends, into cells."""
    edges = np.linspace(cut_first, 1 - cut_last, cells + 1) * pixels
    position = np.arange(pixels)
    covered = np.minimum(edges[1:, None], position + 1) - np.maximum(edges[:-1, None], position)
    shares = np.clip(covered, 0, None)
    matrix: FloatImages = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _high_passed(images: FloatImages, blur_sigma: float) -> FloatImages:
    """Subtract a blurred image, to remove exposure and the shape that all chests share."""
    from scipy.ndimage import gaussian_filter

    smooth: FloatImages = gaussian_filter(images, (0, blur_sigma, blur_sigma))
    return images - smooth


def _register(target: FloatImages, moving: FloatImages, frames: Sequence[Frame]) -> Transforms:
    """Move images, initially cropped to their frames, onto their targets by Gauss-Newton; return the best transforms.

    Both have the shape (pairs, side, side).
    """
    side = target.shape[-1]
    target, moving = _high_passed(target, REGISTRATION_BLUR_SIGMA), _high_passed(moving, REGISTRATION_BLUR_SIGMA)
    transforms = np.array([[v for a, b in frame for v in (1 - a - b, (a - b) / 2 * side)] for frame in frames])
    best, best_transforms = np.full(len(target), -np.inf), transforms.copy()
    for _ in range(STEPS):
        moved, shared = _warp(moving, transforms)
        (normalised_target, _), (normalised_moved, length) = _normalised(target, shared), _normalised(moved, shared)
        correlation = np.where(_overlaps_enough(shared), (normalised_target * normalised_moved).sum(axis=(1, 2)), -1.0)
        better = correlation > best
        best[better], best_transforms[better] = correlation[better], transforms[better]
        residual = normalised_target - normalised_moved
        transforms = transforms + _gauss_newton_step(moved, length, shared, residual)
    return best_transforms


def _gauss_newton_step(
    moved: FloatImages, length: FloatImages, shared: FloatImages, residual: FloatImages
) -> Transforms:
    """Return the change of each transform that reduces the residual most, to first order.

    Args:
        moved: Transformed images, shape (pairs, side, side).
        length: Their lengths, see `_normalised`.
        shared: Mask of the shared area, of the same shape.
        residual: Normalised target minus normalised transformed image, of the same shape.
    """
    pairs, side, _ = moved.shape
    centred = (np.arange(side) - (side - 1) / 2).astype(np.float32)
    down, right = (np.gradient(moved, axis=axis) / length * shared for axis in (1, 2))
    # By scale and shift of the rows, then of the columns.
    gradient = np.stack([down * centred[:, None], down, right * centred, right], axis=-1).reshape(pairs, -1, 4)
    curvature = gradient.transpose(0, 2, 1) @ gradient
    # Levenberg damping, so that an image without structure does not move.
    damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-9
    curvature = curvature + damping[:, None, None] * np.eye(4)
    descent = gradient.transpose(0, 2, 1) @ residual.reshape(pairs, -1, 1)
    step: Transforms = np.linalg.solve(curvature, descent)[..., 0]
    return step


def _correlation(target: FloatImages, moving: FloatImages, transforms: Transforms) -> npt.NDArray[np.float64]:
    """Return the correlation of fine structure in the shared area, shape (pairs,); -1 if that area is too small."""
    moved, shared = _warp(moving, transforms)
    one, other = (_normalised(_high_passed(image, COMPARISON_BLUR_SIGMA), shared)[0] for image in (target, moved))
    return np.where(_overlaps_enough(shared), (one * other).sum(axis=(1, 2)), -1.0)


def _warp(moving: FloatImages, transforms: Transforms) -> tuple[FloatImages, FloatImages]:
    """Return the transformed images, and a mask of 1 where they have pixels and 0 elsewhere."""
    side = moving.shape[-1]
    rows, columns = _sampling(transforms[:, :2], side), _sampling(transforms[:, 2:], side)
    moved = (rows @ moving @ columns.transpose(0, 2, 1)).astype(np.float32, copy=False)
    shared = (rows.sum(axis=2) > 0.99)[:, :, None] & (columns.sum(axis=2) > 0.99)[:, None, :]
    return moved, shared.astype(np.float32)


def _overlaps_enough(shared: FloatImages) -> npt.NDArray[np.bool_]:
    return np.asarray(shared.mean(axis=(1, 2)) >= MIN_OVERLAP)


def _sampling(transforms: Transforms, side: int) -> FloatImages:
    """Return matrices that scale a line about its centre and then shift it, linearly; shape (pairs, side, side)."""
    centre = (side - 1) / 2
    scale, shift = transforms[:, :1], transforms[:, 1:]
    position = scale * (np.arange(side) - centre) + shift + centre
    weights: FloatImages = np.maximum(0, 1 - np.abs(position[:, :, None] - np.arange(side))).astype(np.float32)
    return weights


def _normalised(images: FloatImages, shared: FloatImages) -> tuple[FloatImages, FloatImages]:
    """Normalise images to mean 0 and length 1 over the shared area; also return the lengths, shape (pairs, 1, 1)."""
    count = np.maximum(shared.sum(axis=(1, 2), keepdims=True), 1)
    centred = (images - (images * shared).sum(axis=(1, 2), keepdims=True) / count) * shared
    length = np.maximum(np.linalg.norm(centred, axis=(1, 2), keepdims=True), 1e-2)
    return centred / length, length
