"""The command audit: check a folder or table of images before training."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.data.index.base import CLASS_NAMES
from xray.data.index.patients import KERMANY_PATTERN
from xray.utils.errors import UserError
from xray.utils.files import why_not_writable

if TYPE_CHECKING:
    from xray.audit.finding import Finding

RECORD = "audit.json"
PAGE = "audit.html"


def audit(
    directory: Path,
    out: Path | None = None,
    patient_pattern: str = KERMANY_PATTERN,
    class_names: tuple[str, str] = CLASS_NAMES,
    cache_dir: Path = Path("data/.cache"),
) -> int:
    """Check a folder of images before training: unreadable files, duplicates, patients across splits, shortcuts.

    Writes audit.json, which is complete, and audit.html, with thumbnails. Nothing is written into the folder itself.

    Args:
        directory: Folder with train, val and test, or any of them, or the class folders themselves; or a table with
            the columns path, label and where known patient and split.
        out: Folder for audit.json and audit.html; by default logs/audit/NAME, with the name of the directory.
        patient_pattern: Regular expression searched in the path below the class folder; its group `patient` is the
            patient, an optional group `group` joins patients that may be the same person.
        class_names: Names of the class folders, the positive class last.
        cache_dir: Folder of the image cache, which fit uses too.

    Returns:
        The exit status: 1 if there is a blocking problem.

    Raises:
        UserError: There is no image, or `out` cannot be used.
    """
    # The logs of runs and audits are in one folder, which git ignores.
    out = Path("logs", "audit", directory.resolve().name or "root") if out is None else out
    check_out(out, directory)
    # Imported late, so that a wrong path is reported at once.
    from xray.audit.page import write_page
    from xray.audit.terminal import print_audit
    from xray.utils.files import open_atomic
    from xray.utils.text import printable

    record, findings = check_images(directory, patient_pattern, class_names, cache_dir)
    with open_atomic(out / RECORD) as file:
        json.dump(record, file, indent=2, allow_nan=False)
        file.write("\n")
    write_page(out / PAGE, record, findings)
    print_audit(record, findings)
    print(f"Written: {printable(str(out / RECORD))} and {printable(str(out / PAGE))}")
    return 1 if record["severities"]["blocking"] else 0


def check_images(
    directory: Path, patient_pattern: str, class_names: tuple[str, str], cache_dir: Path | None
) -> tuple[dict[str, Any], list["Finding"]]:
    """Return the record and the findings of an audit, see `audit`; without a cache if `cache_dir` is None."""
    from xray.audit.checks import run_checks
    from xray.audit.folder import read_folder
    from xray.audit.scan import SIZE, scan_folder
    from xray.data.cache.reader import ImageReader

    reader = ImageReader(cache_dir, SIZE, "stretch")
    return run_checks(scan_folder(read_folder(directory, class_names, patient_pattern, reader.hash_files), reader))


def check_out(out: Path, directory: Path) -> None:
    """Check that the output is outside the audited folder and overwrites only an earlier audit of it.

    Raises:
        UserError: `out` is inside the folder, not writable, or holds another audit.
    """
    if out.resolve().is_relative_to(directory.resolve()):
        raise UserError(f"--out {out} is inside {directory}, which is never written to: choose a folder outside it.", 2)
    if reason := why_not_writable(out / RECORD):
        raise UserError(f"--out {out} cannot be written ({reason}): choose another folder.", 2)
    if (out / RECORD).exists() or (out / PAGE).exists():
        try:
            earlier = Path(json.loads((out / RECORD).read_text(encoding="utf-8"))["root"]).resolve()
        except (OSError, ValueError, KeyError, TypeError):
            earlier = None
        if earlier != directory.resolve():
            raise UserError(
                f"{out} has an {RECORD} or {PAGE} that is not a complete audit of {directory} and is not overwritten: "
                "choose another folder with --out DIR.",
                2,
            )
