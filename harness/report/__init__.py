"""Report of a run, in the terminal, as Markdown or as JSON: start at `render`."""
