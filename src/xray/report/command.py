"""The `report` command: rebuild a run's reports from its tables, or report on a table of another model."""

from pathlib import Path

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.report.scored_sets import reports_without_tables, scored_sets
from xray.utils.errors import UserError


def report(
    run: str = "",
    out: Path | None = None,
    threshold: float | None = None,
    class_names: tuple[str, str] | None = None,
    imports: list[str] | None = None,
) -> None:
    """Rebuild a run's reports from the predictions of test, validate and external images, without its model.

    The tables are not changed. For each scored set, metrics.json, the figures, report.html and model_card.md are
    replaced. Given a CSV file instead of a run, write the same report on the predictions of any other model: one row
    per image with the columns label (class names, or 0 and 1), probability or logit, and optionally patient, path,
    decision and others, such as sex or site.

    Args:
        run: A run such as cnn/version_0, an experiment (its newest run with a scored set), a folder with
            predictions.csv and source.json, or a CSV file; by default the newest run with a scored set.
        out: Only for a CSV file: folder of the report; by default the file's name without suffix.
        threshold: Only for a CSV file: probability from which an image is predicted positive; by default the column
            decision counts, or 0.5.
        class_names: Only for a CSV file: the negative and the positive class, if they are neither NORMAL and PNEUMONIA
            nor 0 and 1.
        imports: Only for a CSV file: modules of yours that register metrics; for a run they are those of its config.

    Raises:
        UserError: The run does not exist, has no scored set, or tables are damaged (the other sets are written first).
    """
    if run and (Path(run).is_file() or Path(run).suffix.lower() == ".csv"):
        from xray.report.table import report_table

        folder = report_table(Path(run), out, threshold, class_names, imports)
        print(f"Written: {folder}/ with report.html, metrics.json, model_card.md, figures/")
        return
    options = {"--out": out, "--threshold": threshold, "--class_names": class_names, "--imports": imports}
    if given := [name for name, value in options.items() if value is not None]:
        raise UserError(
            f"{given[0]} is for the predictions of another model, and {run or 'the newest run'} is no CSV file: leave "
            "it out, or give the file.",
            2,
        )
    folders = scored_sets(run)
    from xray.report.build import write_reports

    for folder in write_reports(folders):
        print(f"Written: {folder}/ with report.html, metrics.json, model_card.md, figures/")
    for folder in reports_without_tables(folders[0]):
        print(f"Not rebuilt: {folder}/ has no {PREDICTIONS} or no {SOURCE}; score its images again.")
