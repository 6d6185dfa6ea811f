"""The command `scalemodel`."""

from harness.cli.main import main

__all__ = ["main"]
