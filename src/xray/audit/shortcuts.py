"""Check for shortcuts that separate the classes without lungs, and whether test differs from the rest."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from xray.audit.finding import Case, Finding, count
from xray.audit.measures import MIN_IMAGES
from xray.audit.scan import FolderScan

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


def check_shortcuts(scan: FolderScan, measured: Mapping[str, Any]) -> list[Finding]:
    """Return findings about shortcuts.

    Args:
        scan: The images and their measurements.
        measured: Result of `xray.audit.measures.measure_shortcuts`.
    """
    return [
        *_one_class_only(scan, measured, "mode"),
        *_one_class_only(scan, measured, "format"),
        *_shape_separates(scan, measured),
        *_baseline(measured),
        *_test_differs(measured),
        *_imbalance(measured),
    ]


def _one_class_only(scan: FolderScan, measured: Mapping[str, Any], kind: Literal["mode", "format"]) -> list[Finding]:
    """Report file modes or formats that only one class has."""
    names, tables = scan.folder.class_names, measured["by_class"]
    if not all(tables[name]["images"] for name in names):
        return []
    only = [
        (label, value)
        for label, name in enumerate(names)
        for value in tables[name][f"{kind}s"]
        if value not in tables[names[1 - label]][f"{kind}s"]
    ]
    if not only:
        return []
    texts = [
        f"only {names[label]} has files of {kind} {value} "
        f"({tables[names[label]][f'{kind}s'][value]:,} of {tables[names[label]]['images']:,})"
        for label, value in only
    ]
    sentence = ", ".join(texts)
    cases = tuple(
        Case((image.path,), getattr(header, kind))
        for image, header, kept in zip(scan.images, scan.headers, scan.in_pool, strict=True)
        if kept and (image.label, getattr(header, kind)) in only
    )
    return [
        Finding(
            f"{kind}-of-one-class",
            "warning",
            f"{sentence[0].upper()}{sentence[1:]}.",
            "The file format gives the class away to anything that sees colour or compression.",
            "Read all images as grey, as every command here does, and do not give the format to a model.",
            cases,
        )
    ]


def _shape_separates(scan: FolderScan, measured: Mapping[str, Any]) -> list[Finding]:
    """Report a width, height, aspect ratio or file size that separates the classes by itself."""
    titles = {"log_width": "width", "log_height": "height", "log_aspect": "aspect", "bytes": "file size"}
    tables = measured["by_class"]
    texts = []
    for key, title in titles.items():
        area = measured["single"][key]
        if area is None or max(area, 1 - area) < MIN_SINGLE_AUROC:
            continue
        medians = [tables[name][key.removeprefix("log_")] for name in scan.folder.class_names]
        written = [f"{value:.2f}" if key == "log_aspect" else f"{value:,.0f}" for value in medians]
        texts.append(f"{title} (AUROC {max(area, 1 - area):.2f}; medians {' and '.join(written)})")
    if not texts:
        return []
    return [
        Finding(
            "shape-tells-class",
            "warning",
            f"{' and '.join(scan.folder.class_names)} differ without opening an image, by {', '.join(texts)}.",
            "Padding that keeps the aspect ratio, or a model that sees the size, gives the class away; so does the "
            "sharpness left after shrinking images of different sizes.",
            "Stretch images to one size, as the configs do, and compare the model with the shortcut baseline.",
        )
    ]


def _baseline(measured: Mapping[str, Any]) -> list[Finding]:
    baselines = {name: areas for name, areas in measured["baseline"].items() if areas["cross_validated"] is not None}
    if not baselines:
        return [
            Finding(
                "baseline-not-measured",
                "note",
                f"No shortcut baseline was measured: this needs {MIN_IMAGES} images and two patients of each class.",
                "It says how well the classes separate without lungs.",
                "None with so few images.",
            )
        ]
    sentences = [
        f"{TITLES[name]} {areas['cross_validated']:.3f}"
        + (f" (on test {areas['on_test']:.3f})" if areas["on_test"] is not None else "")
        for name, areas in baselines.items()
    ]
    high = max(areas["cross_validated"] for areas in baselines.values()) >= HIGH_BASELINE
    return [
        Finding(
            "shortcut-baseline",
            "warning" if high else "note",
            "A logistic regression that sees no lungs separates the classes, AUROC by patient: "
            f"{'; '.join(sentences)}.",
            "A model must be clearly better than this before its AUROC says anything about lungs.",
            "Compare the model with these values, as the report of a test does.",
        )
    ]


def _test_differs(measured: Mapping[str, Any]) -> list[Finding]:
    areas = {name: area for name, area in measured["test_from_rest"].items() if area is not None}
    if not areas:
        return []
    shifted = max(areas.values()) >= MIN_SHIFT_AUROC
    text = ", ".join(f"{name} {area:.3f}" for name, area in areas.items())
    return [
        Finding(
            "test-differs",
            "warning" if shifted else "note",
            f"Intensity and sharpness separate test images from the others with AUROC {text} (0.5: not at all).",
            "If test was acquired differently, thresholds and probabilities chosen on the rest do not hold."
            if max(areas.values()) >= 0.6
            else "By these statistics test is like the rest; it may differ in other ways.",
            "Read sensitivity and specificity of the test, not its AUROC alone.",
        )
    ]


def _imbalance(measured: Mapping[str, Any]) -> list[Finding]:
    (one, first), (other, second) = measured["by_class"].items()
    few, many = sorted((first["images"], second["images"]))
    if not few or many < 2 * few:
        return []
    return [
        Finding(
            "class-imbalance",
            "note",
            f"Outside test there are {count(first['images'], 'image')} of {one} and {second['images']:,} of {other}: "
            f"1 to {many / few:.1f}.",
            f"A model that always predicts {other if second['images'] > first['images'] else one} has an accuracy of "
            f"{many / (few + many):.2f}.",
            "Evaluate by AUROC, sensitivity and specificity, and choose the threshold on validation images.",
        )
    ]
