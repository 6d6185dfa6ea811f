"""Findings: what stands out in the results and what to do next. Pure rules, thresholds in `thresholds`."""
