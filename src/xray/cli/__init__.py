"""The command line: LightningCLI for fit, validate and test, typed functions for all other commands."""

from xray.cli.main import main

__all__ = ["main"]
