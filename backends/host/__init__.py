"""Probes of the machine: what it is, memory, energy, NVIDIA devices, and what else it does."""
