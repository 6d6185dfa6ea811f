"""Is one run slower, faster or bigger than another, deployment by deployment? Start at `judging`."""
