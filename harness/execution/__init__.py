"""Execution of a plan's missing steps, each in a process of its own, here or on a cluster. Start at `run`."""
