"""Verification of a deployment before it is timed: inputs, checks and tolerances."""
