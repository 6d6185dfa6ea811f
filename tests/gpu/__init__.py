"""A quarter of an hour with a GPU, used well: see `tests.gpu.__main__`."""
