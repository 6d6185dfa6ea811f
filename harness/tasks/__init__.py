"""Tasks, a module each: preprocessing, decoding, metrics and figures of one kind of question. Start at `task`."""
