"""The embedded default: corpora that the project writes itself, and a family of small BERTs trained on them."""
