"""The command line, with two doors: LightningCLI for fit, validate and test, typed functions for the rest."""

from xray.cli.main import main

__all__ = ["main"]
