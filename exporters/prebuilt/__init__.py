"""Finished files that somebody else made, taken in as artifacts."""
