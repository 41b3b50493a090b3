"""Which metrics are compared, and their values on resamples."""

from collections.abc import Callable, Mapping, Sequence

from xray.compare.images import AlignedRun
from xray.evaluation.arrays import Labels, ResampleValues, Weights
from xray.evaluation.metrics import Resamples, ScoredImages
from xray.evaluation.registry import METRICS
from xray.utils.errors import UserError


def compared_metrics(first: str) -> list[str]:
    """Return the names of the metrics to compare: the one that was asked for, then those that are always compared.

    Left out are the expected calibration error, which resampling overestimates, metrics that may be infinite, and those
    without a direction.

    Raises:
        UserError: The first is not among those that can be compared.
    """
    comparable = [name for name, metric in METRICS.items() if metric.compared != "never"]
    if first not in comparable:
        raise UserError(f"--metric {first} cannot be compared: it must be one of {', '.join(comparable)}.", status=2)
    return [first, *(name for name in comparable if METRICS[name].compared == "always" and name != first)]


def metrics_of(
    run: AlignedRun, labels: Labels, names: Sequence[str]
) -> Callable[[Weights], Mapping[str, ResampleValues]]:
    """Return a run's metrics by name as a function of image weights: (resamples, images) to (resamples,)."""
    images = ScoredImages(labels, run.logits, run.decisions, run.scaling)

    def values(weights: Weights) -> dict[str, ResampleValues]:
        resamples = Resamples(images, weights)
        return {name: METRICS[name].compute(resamples) for name in names}

    return values
