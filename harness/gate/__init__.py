"""A run's figures against the limits of a policy, and what a pipeline reads of it."""
