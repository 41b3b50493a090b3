"""The `report` command: rebuild a run's reports from its tables, without its model."""

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.report.scored_sets import reports_without_tables, scored_sets


def report(run: str = "") -> None:
    """Rebuild a run's reports from the predictions of test, validate and external images.

    No model is loaded and the tables are not changed. For each scored set, metrics.json, the figures, report.html and
    model_card.md are replaced.

    Args:
        run: A run such as cnn/version_0, an experiment (its newest run with a scored set), or a folder with
            predictions.csv and source.json; by default the newest run with a scored set.

    Raises:
        UserError: The run does not exist, has no scored set, or tables are damaged (the other sets are written first).
    """
    folders = scored_sets(run)
    from xray.report.build import write_reports

    for folder in write_reports(folders):
        print(f"Written: {folder}/ with report.html, metrics.json, model_card.md, figures/")
    for folder in reports_without_tables(folders[0]):
        print(f"Not rebuilt: {folder}/ has no {PREDICTIONS} or no {SOURCE}; score its images again.")
