"""Where results live: content-addressed steps, and one folder a run."""
