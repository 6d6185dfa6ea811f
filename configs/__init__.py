"""Studies that run as they are, and the schema of a study."""
