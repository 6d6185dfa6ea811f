"""Where a deployment's time goes, as shares, and what limits it: read by the report's tables and findings."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.values import mapping, number
from harness.report.view import Deployment

NAMES = {"tokenise": "tokenisation", "batch": "batching and padding", "compute": "compute", "decode": "decoding"}
TRANSFERS = ("host_to_device", "device_to_host")


@dataclass(frozen=True)
class Stages:
    """Milliseconds of one way from text to decision, by stage; transfers to a device, where known, lie in compute."""

    milliseconds: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.milliseconds.values())

    def share(self, stage: str) -> float:
        return self.milliseconds[stage] / self.total

    @property
    def limit(self) -> str:
        """The stage that takes the largest part."""
        return max(self.milliseconds, key=lambda stage: self.milliseconds[stage])


def stages(deployment: Deployment, way: str) -> Stages | None:
    """``way``: "request", one text alone, or "batch", all of them. None where it was not measured."""
    found = mapping(mapping(deployment.performance.get("stages")).get(way))
    known = {stage: value for stage in NAMES if (value := number(found.get(stage))) is not None and value >= 0}
    measured = Stages(known)
    return measured if len(known) == len(NAMES) and measured.total > 0 else None


def limited_by(deployment: Deployment, found: Stages) -> str:
    """The largest stage in words; where the model runs on a device of its own, whether that is the device or the host.

    What the host spends inside the runtime's calls is the device's here: it is not timed apart.
    """
    name = NAMES[found.limit]
    if transfer_share(deployment) is None:
        return name
    return "device" if found.limit == "compute" else f"host ({name})"


def transfer_share(deployment: Deployment) -> float | None:
    """Of the calls of the runtime, the part that copies to a device and back; None where nothing is copied."""
    found = mapping(mapping(deployment.performance.get("stages")).get("device"))
    times = {name: number(found.get(name)) for name in (*TRANSFERS, "compute")}
    known = {name: value for name, value in times.items() if value is not None}
    total = sum(known.values())
    return sum(known[name] for name in TRANSFERS) / total if len(known) == len(times) and total > 0 else None
