"""The machine and the software that a run was made with: see `backends.host.machine`. None is what it does not tell."""

from __future__ import annotations

from harness.store.record import Record


class Processor(Record):
    """The CPU, and what of it the run could use."""

    model: str | None
    """Its name."""
    isa: list[str]
    """Instruction sets that choose a runtime's kernels."""
    cores: int
    """Cores that the process may use."""
    affinity: str | None
    """Numbers of the logical CPUs that the process may run on, such as 0-3,8."""
    quota: float | None
    """CPUs' worth of time that the control groups grant; None: no limit."""
    governor: str | None
    """Frequency governor."""
    turbo: bool | None
    """Whether clocks above the nominal one are allowed."""
    largest_mhz: float | None
    """Largest clock, in MHz."""


class GraphicsDevice(Record):
    """A GPU."""

    name: str
    """Its name."""
    memory_bytes: int | None
    """Its memory, in bytes."""
    compute_capability: str
    """CUDA's, such as 9.0."""
    largest_mhz: int | None
    """Largest clock, in MHz."""
    power_limit_watts: float | None
    """Power limit, in watts."""


class Graphics(Record):
    """The NVIDIA driver with its devices."""

    driver: str
    """Its version."""
    cuda: str
    """The CUDA version of the driver."""
    libraries: dict[str, str | None]
    """Versions of CUDA's runtime, cuDNN and TensorRT that the loader finds; None: it does not find it."""
    devices: list[GraphicsDevice]
    """In the driver's order."""


class Environment(Record):
    """Machine, operating system and versions."""

    cpu: Processor
    """The CPU."""
    memory_bytes: int
    """Memory that the process may use, in bytes."""
    memory_limit: int | None
    """What the control groups grant, in bytes; None: no limit."""
    variables: dict[str, str]
    """Environment variables that change how fast a runtime is, where they are set."""
    gpu: Graphics | None
    """None: no NVIDIA driver."""
    os: str
    """With kernel and C library."""
    distribution: str | None
    """Of Linux."""
    python: str
    """Version of Python."""
    versions: dict[str, str]
    """By installed package."""
