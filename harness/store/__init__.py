"""Store of results: content-addressed steps, and one folder a run."""
