"""Check for shortcuts that separate the classes without anatomy, and whether test differs from the rest."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from xray.audit.finding import Case, Finding
from xray.audit.measures import MIN_IMAGES
from xray.audit.scan import FolderScan
from xray.utils.text import count

HIGH_BASELINE: Final = 0.8
"""Baseline AUROC from which a warning is given."""
MIN_SINGLE_AUROC: Final = 0.7
"""AUROC of a single property from which it is reported, in either direction."""
MIN_SHIFT_AUROC: Final = 0.75
"""AUROC for separating test from the rest, within a class, from which a warning is given."""
TITLES: Final = {
    "statistics": "eight statistics of intensity and sharpness",
    "shape": "size and mode of the file",
    "statistics_and_shape": "both together",
}


def check_shortcuts(scan: FolderScan, measured: Mapping[str, Any]) -> Iterator[Finding]:
    """Report shortcuts, differences between test and the rest, and class imbalance.

    Args:
        scan: The images and their measurements.
        measured: Result of `xray.audit.measures.measure_shortcuts`.
    """
    yield from _one_class_only(scan, measured, "mode")
    yield from _one_class_only(scan, measured, "format")
    yield from _shape_separates(measured)
    yield from _baseline(measured)
    yield from _test_differs(measured)
    yield from _imbalance(measured)


def _one_class_only(
    scan: FolderScan, measured: Mapping[str, Any], kind: Literal["mode", "format"]
) -> Iterator[Finding]:
    """Report file modes or formats that only one class has."""
    (one, first), (other, second) = measured["by_class"].items()
    if not first["images"] or not second["images"]:
        return
    texts, only = [], set()
    for label, (name, own, others) in enumerate(((one, first, second), (other, second, first))):
        for value, number in own[f"{kind}s"].items():
            if value not in others[f"{kind}s"]:
                only.add((label, value))
                texts.append(f"only {name} has files of {kind} {value} ({number:,} of {own['images']:,})")
    if only:
        sentence = ", ".join(texts)
        yield Finding(
            f"{kind}-of-one-class",
            "warning",
            f"{sentence[0].upper()}{sentence[1:]}.",
            "The file format reveals the class to anything that sees colour or compression.",
            "Read all images as grey, as every command here does, and do not give the format to a model.",
            tuple(
                Case((image.path,), getattr(header, kind))
                for image, header, kept in zip(scan.images, scan.headers, scan.in_pool, strict=True)
                if kept and (image.label, getattr(header, kind)) in only
            ),
        )


def _shape_separates(measured: Mapping[str, Any]) -> Iterator[Finding]:
    """Report a width, height, aspect ratio or file size that separates the classes by itself."""
    tables = measured["by_class"]
    texts = []
    for key, column, title, digits in (
        ("log_width", "width", "width", 0),
        ("log_height", "height", "height", 0),
        ("log_aspect", "aspect", "aspect", 2),
        ("bytes", "bytes", "file size", 0),
    ):
        auroc = measured["single"][key]
        if auroc is not None and max(auroc, 1 - auroc) >= MIN_SINGLE_AUROC:
            medians = " and ".join(f"{table[column]:,.{digits}f}" for table in tables.values())
            texts.append(f"{title} (AUROC {max(auroc, 1 - auroc):.2f}; medians {medians})")
    if texts:
        yield Finding(
            "shape-separates-classes",
            "warning",
            f"{' and '.join(tables)} differ without opening an image, by {', '.join(texts)}.",
            "Padding that keeps the aspect ratio, or a model that sees the size, reveals the class; so does the "
            "sharpness left after shrinking images of different sizes.",
            "Stretch images to one size, as the configs do, and compare the model with the shortcut baseline.",
        )


def _baseline(measured: Mapping[str, Any]) -> Iterator[Finding]:
    baselines = {name: aurocs for name, aurocs in measured["baseline"].items() if aurocs["cross_validated"] is not None}
    if not baselines:
        yield Finding(
            "baseline-not-measured",
            "note",
            f"No shortcut baseline was measured: this needs {MIN_IMAGES} images and two patients of each class.",
            "The baseline shows how well the classes separate without anatomy.",
            "Nothing can be done with so few images.",
        )
        return
    texts = [
        f"{TITLES[name]} {aurocs['cross_validated']:.3f}"
        + (f" (on test {aurocs['on_test']:.3f})" if aurocs["on_test"] is not None else "")
        for name, aurocs in baselines.items()
    ]
    high = max(aurocs["cross_validated"] for aurocs in baselines.values()) >= HIGH_BASELINE
    yield Finding(
        "shortcut-baseline",
        "warning" if high else "note",
        f"A logistic regression that uses no anatomy separates the classes, AUROC by patient: {'; '.join(texts)}.",
        "A model must be clearly better than this before its AUROC says anything about lungs.",
        "Compare the model with these values, as the report of a test does.",
    )


def _test_differs(measured: Mapping[str, Any]) -> Iterator[Finding]:
    aurocs = {name: auroc for name, auroc in measured["test_from_rest"].items() if auroc is not None}
    if aurocs:
        text = ", ".join(f"{name} {auroc:.3f}" for name, auroc in aurocs.items())
        yield Finding(
            "test-differs",
            "warning" if max(aurocs.values()) >= MIN_SHIFT_AUROC else "note",
            f"Intensity and sharpness separate test images from the others with AUROC {text} (0.5: not at all).",
            "If test was acquired differently, thresholds and probabilities chosen on the rest do not hold."
            if max(aurocs.values()) >= 0.6
            else "By these statistics test is like the rest; it may differ in other ways.",
            "Read sensitivity and specificity of the test, not its AUROC alone.",
        )


def _imbalance(measured: Mapping[str, Any]) -> Iterator[Finding]:
    numbers = {name: table["images"] for name, table in measured["by_class"].items()}
    (one, first), (other, second) = numbers.items()
    few, many = sorted((first, second))
    if few and many >= 2 * few:
        yield Finding(
            "class-imbalance",
            "note",
            f"Outside test there are {count(first, 'image')} of {one} and {second:,} of {other}: "
            f"1 to {many / few:.1f}.",
            f"A model that always predicts {other if second > first else one} has an accuracy of "
            f"{many / (few + many):.2f}.",
            "Evaluate by AUROC, sensitivity and specificity, and choose the threshold on validation images.",
        )
