"""Shares of a deployment's time by stage, and what limits it: read by the report's tables and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.report.view import DeploymentView
from harness.store.process_timings import DeviceTimes

NAMES = {"tokenise": "tokenisation", "batch": "batching and padding", "compute": "compute", "decode": "decoding"}


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


def stages(deployment: DeploymentView, way: Literal["request", "batch"]) -> Stages | None:
    """``way``: "request", one text alone, or "batch", all of them. None where it was not measured."""
    breakdown = deployment.timings.latency_breakdown if deployment.timings else None
    if breakdown is None:
        return None
    times = breakdown.request if way == "request" else breakdown.batch
    measured = Stages(times.model_dump()) if times else None
    return measured if measured and measured.total > 0 else None


def limited_by(deployment: DeploymentView, stage_times: Stages) -> str:
    """The largest stage in words; where the model runs on a device of its own, whether that is the device or the host.

    What the host spends inside the runtime's calls is the device's here: it is not timed apart.
    """
    name = NAMES[stage_times.limit]
    if transfer_share(deployment) is None:
        return name
    return "device" if stage_times.limit == "compute" else f"host ({name})"


def transfer_share(deployment: DeploymentView) -> float | None:
    """Of the calls of the runtime, the part that copies to a device and back; None where nothing is copied."""
    breakdown = deployment.timings.latency_breakdown if deployment.timings else None
    return _share(breakdown.device) if breakdown and breakdown.device else None


def _share(device: DeviceTimes) -> float | None:
    copies = device.host_to_device + device.device_to_host
    total = copies + device.compute
    return copies / total if total > 0 else None
