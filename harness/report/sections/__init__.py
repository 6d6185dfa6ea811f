"""The sections of a report: each module turns results into blocks of `harness.report.blocks`."""
