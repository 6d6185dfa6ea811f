"""The families of encoders that people use: every format of every one of them, on every CPU backend."""
