"""Comparison of two runs, deployment by deployment: which is slower, faster or bigger. Start at `verdicts`."""
