"""The command report: a run's reports anew from its tables, without its model."""

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.report.scored_sets import scored_sets, sets_without_tables


def report(run: str = "") -> None:
    """Write the reports of a run anew from the predictions of its test, of validate and of external images.

    Nothing is scored: no model is loaded, and tables stay as they are. Of each set metrics.json, the figures,
    report.html and model_card.md are replaced.

    Args:
        run: A run such as cnn/version_0, an experiment (its newest run), or a folder with predictions.csv and
            source.json; by default the newest run that has anything scored.

    Raises:
        UserError: There is no such run, nothing of it is scored, or tables are damaged; whole sets are written first.
    """
    folders = scored_sets(run)
    from xray.report.build import write_reports

    for folder in write_reports(folders):
        print(f"Written: {folder}/ with report.html, metrics.json, model_card.md, figures/")
    for folder in sets_without_tables(folders[0]):
        print(f"Left as it is: {folder}/ has no {PREDICTIONS} or no {SOURCE}; score its images again.")
