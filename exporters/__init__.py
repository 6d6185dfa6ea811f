"""Checkpoints become artifacts: `exporters.formats.export`. Knows no data set and no report."""
