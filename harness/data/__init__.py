"""Data sets of a study, from files, the hub or the demonstration, as checked examples. Start at `load`."""
