"""Checkpoints become artifacts: `exporters.export.export`. Knows no data set and no report."""
