"""Show warnings of libraries as short notes, and drop those without use."""

import logging
import re
import warnings


def silence_libraries() -> None:
    """Print warnings without their line of code, and drop those that are irrelevant."""
    warnings.formatwarning = lambda message, *_, **__: f"Note: {message}\n"
    # Lightning's tips recommend other products.
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).addFilter(lambda record: not re.search("litlogger|litmodels", str(record.msg)))
    # We pass the arguments to LightningCLI because `main` has taken --debug and the plain commands out of them.
    warnings.filterwarnings("ignore", "LightningCLI's args parameter is intended to run from within Python")
    # CSVLogger means its own file only, in a folder that a run shares with other loggers.
    warnings.filterwarnings("ignore", "Experiment logs directory .* exists and is not empty")
    # Lightning 2.6 calls a function that torch 2.13 deprecated.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.* is deprecated")
    # Batches come from the cache in a fraction of a millisecond: worker processes would only copy them.
    warnings.filterwarnings("ignore", ".*does not have many workers")
    # A small data set has fewer batches than the logging interval.
    warnings.filterwarnings("ignore", ".*The number of training batches .* is smaller than the logging interval")
