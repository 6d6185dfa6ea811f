"""Checkpoints: where their sources lie, what is wrong with them, and the folder that the exporters read."""
