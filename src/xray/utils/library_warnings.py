"""Warnings as a user wants them."""

import logging
import re
import warnings


def silence_libraries() -> None:
    """Say warnings without their place in the code, and drop those that tell a user nothing: each with its reason."""
    warnings.formatwarning = lambda message, *_, **__: f"Note: {message}\n"
    # Lightning's tips recommend other products.
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).addFilter(lambda record: not re.search("litlogger|litmodels", str(record.msg)))
    # The words are passed on because --debug and the commands of our own were taken out of them.
    warnings.filterwarnings("ignore", "LightningCLI's args parameter is intended to run from within Python")
    # Lightning 2.6 calls a function that torch 2.13 deprecated.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.* is deprecated")
    # Images are gathered from the cache in a fraction of a millisecond: worker processes would only pass copies on.
    warnings.filterwarnings("ignore", ".*does not have many workers")
    # A small data set has fewer batches than the logging interval.
    warnings.filterwarnings("ignore", ".*The number of training batches .* is smaller than the logging interval")
