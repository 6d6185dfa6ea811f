"""The page: a run's answer, figures and examples in one HTML file that needs nothing else."""
