"""Results of a run: collected from its steps, summarised, and read again."""
