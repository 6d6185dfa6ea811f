"""What a run found, told in the terminal, as Markdown or as JSON: start at `render`."""
