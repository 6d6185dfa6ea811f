"""The study's YAML as models: read, checked, and filled in with defaults. Start at `load`."""
