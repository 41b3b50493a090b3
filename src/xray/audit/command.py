"""The command audit: a folder of images, looked over before anyone trains on it."""

import json
from pathlib import Path

from xray.data.index.patients import KERMANY_PATTERN
from xray.utils.errors import UserError
from xray.utils.files import why_not_writable

RECORD = "audit.json"
PAGE = "audit.html"


def audit(
    directory: Path,
    out: Path | None = None,
    patient_pattern: str = KERMANY_PATTERN,
    class_names: tuple[str, str] = ("NORMAL", "PNEUMONIA"),
    cache_dir: Path = Path("data/.cache"),
) -> int:
    """Look a folder of images over before training: unreadable files, copies, patients across splits, shortcuts.

    Writes audit.json, which is complete, and audit.html, with pictures. Nothing is written into the folder itself.

    Args:
        directory: Holds train, val and test, or any of them, or the class folders themselves.
        out: Folder for audit.json and audit.html; by default logs/audit/ and the name of the directory.
        patient_pattern: Regular expression searched in the path below the class folder; its group `patient` is the
            patient, an optional group `group` joins patients that may be the same person.
        class_names: Names of the class folders, the positive class last.
        cache_dir: Folder of the decoded images, which a fit will find there.

    Returns:
        The exit status: 1 where a blocking problem was found.

    Raises:
        UserError: There is no image to look at, or `out` is not to be written to.
    """
    out = default_out(directory) if out is None else out
    check_out(out, directory)
    # Imported late, so that a wrong path is told in no time.
    from xray.audit.folder import read_folder
    from xray.audit.page import write_page
    from xray.audit.record import examine
    from xray.audit.scan import SIZE, scan_folder
    from xray.audit.text import print_audit
    from xray.data.cache.reader import ImageReader
    from xray.utils.files import write_whole
    from xray.utils.text import printable

    reader = ImageReader(cache_dir, SIZE, "stretch")
    folder = read_folder(directory, class_names, patient_pattern, reader.digests)
    record, findings = examine(scan_folder(folder, reader))
    with write_whole(out / RECORD) as file:
        json.dump(record, file, indent=2, allow_nan=False)
        file.write("\n")
    write_page(out / PAGE, record, findings)
    print_audit(record, findings)
    print(f"Written: {printable(str(out / RECORD))} and {printable(str(out / PAGE))}")
    return 1 if record["severities"]["blocking"] else 0


def default_out(directory: Path) -> Path:
    """Where an audit goes by itself: beside the records of runs, which are never committed."""
    return Path("logs", "audit", directory.resolve().name or "root")


def check_out(out: Path, directory: Path) -> None:
    """Reject to write into the folder looked at, or over anything but an earlier audit of the same folder.

    Raises:
        UserError: With what to name instead.
    """
    from xray.audit.page import GENERATOR
    from xray.audit.record import KIND

    if out.resolve().is_relative_to(directory.resolve()):
        raise UserError(f"--out {out} lies in {directory}, into which nothing is written; name a folder outside it.")
    if reason := why_not_writable(out / RECORD):
        raise UserError(f"--out {out} cannot be written ({reason}): name another folder.")
    for name, mark in ((RECORD, f'"kind": "{KIND}"'), (PAGE, f'content="{GENERATOR}"')):
        path = out / name
        if path.exists() and not (path.is_file() and mark.encode() in path.read_bytes()[:500]):
            raise UserError(f"{path} exists and is no audit: it is left alone; name another folder with --out DIR.")
    if (out / RECORD).exists():
        try:
            earlier = Path(json.loads((out / RECORD).read_text(encoding="utf-8"))["root"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{out / RECORD} is no whole audit: remove it, or name another folder by --out.") from error
        if earlier.resolve() != directory.resolve():
            raise UserError(
                f"{out} holds the audit of {earlier}: it is left alone; name another folder with --out DIR."
            )
