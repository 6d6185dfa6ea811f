"""The four characteristics, and what else is compared of outputs: a module each, functions of plain arrays."""
