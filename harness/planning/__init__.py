"""A study as steps with content keys: `harness.planning.plan.make_plan`. A file for each kind of work."""
