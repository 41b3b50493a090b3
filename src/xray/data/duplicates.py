"""Pictures that stand twice in a data set: the same bytes, or the same image saved anew, resized, brightened or cropped.

Two images of one child, taken in one position, look more alike than copies do to most hashes of pictures. On 5,232 real
images of 128x128 a DCT hash of 64 bits (as in Zauner, Implementation and Benchmarking of Perceptual Image Hash
Functions, 2010) put images of different children as near as 2 bits of 64, and copies cropped by 4% as far as 16. What
does part them is the correlation of the high-passed images once one is laid over the other. Copies cropped by up to 5%
on each side, saved as JPEG of quality 60 and changed by a gamma of 0.8 to 1.25 came to 0.93 and more in 99% of cases;
250 full-size originals and their copies of 224x224 to 0.96 and more in all; the two most alike images of different
children to 0.81, of one child to 0.77, and drawings of chests, which share more than chests do, to 0.89.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.data.cache.hashing import is_content
from xray.utils.progress import shown

Pictures = npt.NDArray[np.float32]
"""Shape (images, side, side), any scale."""
Places = npt.NDArray[np.float64]
"""Where images lie upon others: scale and shift in pixels of the rows, then of the columns; shape (pairs, 4)."""

COPY: Final = 0.91
"""Correlation from which two images count as one picture; see above."""

COARSE_SIDE: Final = 16
COARSE_DETAIL: Final = 2.0
"""Standard deviation, in pixels of the coarse picture, of the blur that is taken away from it."""
CANDIDATE: Final = 0.94
"""Coarse correlation from which two images are laid over one another: on the real images 1 pair in 16,000 is, and 99% of
copies cropped by up to 5% on each side are."""

CUTS: Final = ((0.0, 0.0), (0.03, 0.03), (0.05, 0.0), (0.0, 0.05))
"""Shares cut off at the two ends of an axis, at which a copy is looked for."""
Frame = tuple[tuple[float, float], tuple[float, float]]
"""Cuts of the rows and of the columns."""
FRAMES: Final[tuple[Frame, ...]] = tuple(product(CUTS, CUTS))
"""The first one cuts nothing."""

FINE_SIDE: Final = 64
PULL_DETAIL: Final = 3.0
"""As `COARSE_DETAIL`, while images are laid over one another: coarse enough to find the way."""
FINE_DETAIL: Final = 2.0
"""And once they lie: fine enough to tell two images of one child apart."""
STEPS: Final = 10
"""Gauss-Newton steps; copies come to rest after about six."""
LEAST_OVERLAP: Final = 0.6
"""Share of the image that must remain where two are laid over one another."""

BLOCK: Final = 2**25
"""Coarse correlations held at a time, which bounds the memory at 128 MB whatever the number of images."""
PAIRS_AT_ONCE: Final = 256


class NearDuplicate(NamedTuple):
    """Two images that show the same picture, though their files differ."""

    first: int
    """Position of the one that comes first."""
    second: int
    similarity: float
    """Correlation of what they share, from `COPY` to 1."""


class _Candidate(NamedTuple):
    """A pair that looks alike at a glance: the image `cut`, within the frame of this number, resembles `whole`."""

    cut: int
    whole: int
    frame: int
    similarity: float


def exact_duplicates(digests: Sequence[str]) -> list[list[int]]:
    """Positions of files with the same bytes.

    Args:
        digests: Hash of each file, by `xray.data.cache.hashing.FileDigests`. Files that could not be read equal no other.

    Returns:
        One ascending list for each hash that occurs more than once, in the order of their first files.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(digests):
        if is_content(digest):
            places[digest].append(i)
    return [same for same in places.values() if len(same) > 1]


def near_duplicates(images: Images, least: float = COPY) -> list[NearDuplicate]:
    """Pairs of images that show the same picture, whatever was done to file, size, brightness or (up to 5%) borders.

    First all pairs are compared as high-passed pictures of 16x16, by a matrix product for each of 16 ways in which
    one may be cropped (normalised cross-correlation: Lewis, Fast Normalized Cross-Correlation, 1995). The few that
    come near are laid over one another by shift and scale of both axes, at 64x64 (Baker and Matthews, Lucas-Kanade 20
    Years On, International Journal of Computer Vision 56 (2004) 221-255), and correlated there.

    A mirrored, turned or inverted copy is not found, and an image without any structure resembles none.

    Args:
        images: Shape (images, size, size), dtype uint8, each stretched to the square; `size` at least 64.
        least: Correlation from which a pair is told.

    Returns:
        The pairs, most alike first.
    """
    candidates = list(_candidates(images))
    found = []
    for start in range(0, len(candidates), PAIRS_AT_ONCE):
        pairs = candidates[start : start + PAIRS_AT_ONCE]
        whole, cut = (_fine(images[[getattr(pair, which) for pair in pairs]]) for which in ("whole", "cut"))
        place = _overlay(whole, cut, [FRAMES[pair.frame] for pair in pairs])
        similarities = _correlation(whole, cut, place)
        found += [
            NearDuplicate(min(pair.cut, pair.whole), max(pair.cut, pair.whole), min(1.0, float(similarity)))
            for pair, similarity in zip(pairs, similarities, strict=True)
            if similarity >= least
        ]
    return sorted(found, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _candidates(images: Images) -> Iterator[_Candidate]:
    """Each pair of images that resemble one another at a glance, in the frame in which they do most."""
    rows = max(1, min(1024, BLOCK // max(1, len(images))))
    blocks = [slice(start, start + rows) for start in range(0, len(images), rows)]
    whole = np.concatenate([np.empty((0, COARSE_SIDE**2), np.float32)] + [_coarse(_fine(images[b])) for b in blocks])
    best: dict[tuple[int, int], _Candidate] = {}
    for block in shown(blocks, "Comparing images", len(blocks)):
        fine = _fine(images[block])
        for number, frame in enumerate(FRAMES):
            similarities = _coarse(fine, frame) @ whole.T
            for i, j in np.argwhere(similarities >= CANDIDATE).tolist():
                candidate = _Candidate(block.start + i, j, number, float(similarities[i, j]))
                pair = min(candidate.cut, j), max(candidate.cut, j)
                if candidate.cut != j and (pair not in best or best[pair].similarity < candidate.similarity):
                    best[pair] = candidate
    yield from best.values()


def _fine(images: Images) -> Pictures:
    return _resized(images.astype(np.float32), FINE_SIDE)


def _coarse(fine: Pictures, frame: Frame = FRAMES[0]) -> Pictures:
    """Unit vectors of shape (images, 256), whose product is the correlation of the images; zero without structure."""
    flat = _high_passed(_resized(fine, COARSE_SIDE, frame), COARSE_DETAIL).reshape(len(fine), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    # Rounding leaves something of a blank image too.
    return np.where(length > 1e-2, flat / np.maximum(length, 1e-2), 0.0)


def _resized(pictures: Pictures, side: int, frame: Frame = FRAMES[0]) -> Pictures:
    """What lies within the frame, averaged down to (images, side, side)."""
    count, pixels, _ = pictures.shape
    rows, columns = (_averaging(pixels, side, *cut) for cut in frame)
    # As two products of large matrices, which are far quicker than many products of small ones.
    narrow = (pictures.reshape(-1, pixels) @ columns.T).reshape(count, pixels, side)
    small = narrow.transpose(0, 2, 1).reshape(-1, pixels) @ rows.T
    return small.reshape(count, side, side).transpose(0, 2, 1).astype(np.float32, copy=False)


def _averaging(pixels: int, cells: int, cut_first: float, cut_last: float) -> Pictures:
    """Matrix of shape (cells, pixels) which averages a line of pixels, less its cut ends, into so many cells."""
    edges = np.linspace(cut_first, 1 - cut_last, cells + 1) * pixels
    place = np.arange(pixels)
    covered = np.minimum(edges[1:, None], place + 1) - np.maximum(edges[:-1, None], place)
    shares = np.clip(covered, 0, None)
    matrix: Pictures = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def _high_passed(pictures: Pictures, detail: float) -> Pictures:
    """Take away what varies slowly: exposure, and the shape that all chests share."""
    from scipy.ndimage import gaussian_filter

    smooth: Pictures = gaussian_filter(pictures, (0, detail, detail))
    return pictures - smooth


def _overlay(whole: Pictures, cut: Pictures, frames: Sequence[Frame]) -> Places:
    """Where each of `cut` lies best on its `whole`, of all places on the way of a Gauss-Newton descent.

    Args:
        whole: Images, shape (pairs, side, side).
        cut: Those to be laid over them, same shape.
        frames: What of `cut` to start from.
    """
    side = whole.shape[-1]
    whole, cut = _high_passed(whole, PULL_DETAIL), _high_passed(cut, PULL_DETAIL)
    place = np.array([[v for a, b in frame for v in (1 - a - b, (a - b) / 2 * side)] for frame in frames])
    centred = (np.arange(side) - (side - 1) / 2).astype(np.float32)
    best, best_place = np.full(len(whole), -np.inf), place.copy()
    for _ in range(STEPS):
        moved, shared = _moved(cut, place)
        (one, _), (other, length) = _normalised(whole, shared), _normalised(moved, shared)
        correlation = np.where(_enough(shared), (one * other).sum(axis=(1, 2)), -1.0)
        better = correlation > best
        best[better], best_place[better] = correlation[better], place[better]
        down, right = (np.gradient(moved, axis=axis) / length * shared for axis in (1, 2))
        slopes = np.stack([down * centred[:, None], down, right * centred, right], axis=-1).reshape(len(whole), -1, 4)
        curvature = slopes.transpose(0, 2, 1) @ slopes
        # Levenberg's damping keeps an image without structure from moving at all.
        damping = 1e-3 * np.trace(curvature, axis1=1, axis2=2) / 4 + 1e-9
        curvature = curvature + damping[:, None, None] * np.eye(4)
        pull = slopes.transpose(0, 2, 1) @ (one - other).reshape(len(whole), -1, 1)
        place = place + np.linalg.solve(curvature, pull)[..., 0]
    return best_place


def _correlation(whole: Pictures, cut: Pictures, place: Places) -> npt.NDArray[np.float64]:
    """Correlation of the finer structure that both have, shape (pairs,); -1 where they share too little."""
    moved, shared = _moved(cut, place)
    (one, _), (other, _) = (_normalised(_high_passed(image, FINE_DETAIL), shared) for image in (whole, moved))
    return np.where(_enough(shared), (one * other).sum(axis=(1, 2)), -1.0)


def _moved(cut: Pictures, place: Places) -> tuple[Pictures, Pictures]:
    """The images in their places, and 1 where they lie upon the other, 0 elsewhere."""
    rows, columns = _sampling(place[:, :2], cut.shape[-1]), _sampling(place[:, 2:], cut.shape[-1])
    moved = (rows @ cut @ columns.transpose(0, 2, 1)).astype(np.float32, copy=False)
    shared = (rows.sum(axis=2) > 0.99)[:, :, None] & (columns.sum(axis=2) > 0.99)[:, None, :]
    return moved, shared.astype(np.float32)


def _enough(shared: Pictures) -> npt.NDArray[np.bool_]:
    return np.asarray(shared.mean(axis=(1, 2)) >= LEAST_OVERLAP)


def _sampling(place: Places, side: int) -> Pictures:
    """Matrices of shape (pairs, side, side) which sample a line linearly, scaled about its centre and then shifted."""
    centre = (side - 1) / 2
    scale, shift = place[:, :1], place[:, 1:]
    at = scale * (np.arange(side) - centre) + shift + centre
    weights: Pictures = np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side))).astype(np.float32)
    return weights


def _normalised(pictures: Pictures, shared: Pictures) -> tuple[Pictures, Pictures]:
    """Mean 0 and length 1 over the shared part, zero elsewhere; and the lengths, shape (pairs, 1, 1)."""
    count = np.maximum(shared.sum(axis=(1, 2), keepdims=True), 1)
    centred = (pictures - (pictures * shared).sum(axis=(1, 2), keepdims=True) / count) * shared
    length = np.maximum(np.linalg.norm(centred, axis=(1, 2), keepdims=True), 1e-2)
    return centred / length, length
