"""The embedded default: corpora that the project writes itself, and a family of small BERTs trained on them."""

from harness.demo.weights import embedded_names, files, write_checkpoint

__all__ = ["embedded_names", "files", "write_checkpoint"]
