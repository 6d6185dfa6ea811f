"""The command `scalemodel`."""

from harness.command_line.main import main

__all__ = ["main"]
