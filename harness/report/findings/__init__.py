"""What stands out in the results and what to do next: pure rules, thresholds in `thresholds`."""
