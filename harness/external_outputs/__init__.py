"""Outputs that others published, or that a serving system logged, compared without any model: start at `comparison`."""
