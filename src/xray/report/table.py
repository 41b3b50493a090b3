"""Write the report of a table of any model's predictions."""

import json
from dataclasses import replace
from pathlib import Path

from xray.evaluation.scored_set import SOURCE, write_scored_set
from xray.evaluation.user_table import read_user_table
from xray.report.build import write_reports
from xray.report.terminal import print_summary
from xray.utils.errors import UserError
from xray.utils.files import why_not_writable
from xray.utils.provenance import code_version


def report_table(
    table: Path,
    out: Path | None = None,
    threshold: float | None = None,
    class_names: tuple[str, str] | None = None,
    imports: list[str] | None = None,
) -> Path:
    """Write the scored set of a table and its report, and print the summary.

    Args:
        table: A CSV file, see `xray.evaluation.user_table.read_user_table`.
        out: Output folder; by default the table's path without suffix. An earlier report of the same table is replaced.
        threshold: Probability from which an image is predicted positive.
        class_names: The negative and the positive class.
        imports: Modules from outside the package that register metrics.

    Returns:
        The output folder.

    Raises:
        UserError: The table is invalid, or the folder holds anything else.
    """
    if (table.parent / SOURCE).exists():
        raise UserError(
            f"{table} belongs to the scored set {table.parent}, whose report is written by 'python -m xray report "
            f"{table.parent}'."
        )
    folder = table.with_suffix("") if out is None else out
    check_out(folder, table)
    scored_set = read_user_table(table, threshold, class_names)
    options = [] if out is None else ["--out", str(out)]
    options += [] if threshold is None else ["--threshold", str(threshold)]
    options += [] if class_names is None else ["--class_names", json.dumps(class_names, ensure_ascii=False)]
    options += [] if imports is None else ["--imports", json.dumps(imports)]
    source = dict(scored_set.source) | {"options": options, "imports": imports or [], "code": code_version()}
    write_scored_set(folder, replace(scored_set, source=source))
    print_summary(write_reports([folder])[folder], f"Predictions of {table}")
    return folder


def check_out(folder: Path, table: Path) -> None:
    """Check that the output folder is new, empty, or an earlier report of the same table.

    Raises:
        UserError: It is anything else, or not writable.
    """
    if folder.is_file():
        raise UserError(f"{folder} is a file: give a folder for the report with --out DIR.")
    if reason := why_not_writable(folder / SOURCE):
        raise UserError(f"{folder} cannot be written ({reason}): give another folder with --out DIR.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        earlier = json.loads((folder / SOURCE).read_text(encoding="utf-8")).get("table")
    except (OSError, ValueError, AttributeError):
        earlier = None
    if earlier is None or Path(earlier).absolute() != table.absolute():
        raise UserError(
            f"{folder} holds other files than a report of {table} and is not overwritten: give another folder with "
            "--out DIR."
        )
