"""Statistics over examples: agreement, intervals, equivalence, ranking, neighbours."""
