"""Causes of a change between two deployments: the chain checkpoint, ONNX FP32, FP16 or INT8, other architecture."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.view import DeploymentView, TaskView

REFERENCE = "reference"
EXPORT = "export"
BACKEND = "backend"
PRECISION = "precision"
ARCHITECTURE = "architecture"
PRUNING = "pruning"
BOTH = "both"
UNKNOWN = "unknown"
SEED = "seed"
EXECUTION = "execution"

EXPLAINED = {
    EXPORT: "export: {model} in another FP32 format",
    BACKEND: "backend: {model}, the same artifact",
    PRECISION: "precision: {model} in fewer bits",
    PRUNING: "pruning: weights or heads left out, in FP32",
    ARCHITECTURE: "architecture: other models in FP32",
    BOTH: "both: {model} in fewer bits",
    UNKNOWN: "others: what lies between is unknown",
    SEED: "seed floor: trained with another seed",
    EXECUTION: "execution floor: {model} run again, against its first run",
}
"""The causes in the order of the chain, and what each means for deployments of a model."""


def cause(deployment: DeploymentView, reference: DeploymentView | None) -> str:
    """Why a deployment may differ from the reference."""
    if deployment.replicate_kind == "execution":
        return EXECUTION
    if deployment.replicate_kind == "seed":
        return SEED
    if reference is None:
        return ARCHITECTURE if deployment.is_fp32 else BOTH
    if deployment.name == reference.name:
        return REFERENCE
    if not deployment.format or not reference.format:
        return UNKNOWN
    if deployment.model == reference.model:
        if deployment.format == reference.format:
            return BACKEND
        return EXPORT if deployment.is_fp32 == reference.is_fp32 and deployment.is_fp32 else PRECISION
    if deployment.is_fp32 != reference.is_fp32:
        return BOTH
    return ARCHITECTURE if deployment.pruned_of is None else PRUNING


@dataclass(frozen=True)
class ChainLink:
    """One link of the chain: ``after`` differs from ``before`` in one thing."""

    before: DeploymentView
    after: DeploymentView


def fp32_of(task: TaskView, model: str, backend: str) -> DeploymentView | None:
    """A model's ONNX FP32 deployment on a backend (its PyTorch one where there is no other)."""
    deployments_by_format = {
        d.format: d for d in task.measured if d.model == model and d.backend == backend and d.is_fp32
    }
    return deployments_by_format.get("onnx-fp32") or next(iter(deployments_by_format.values()), None)


def export_step(task: TaskView, deployment: DeploymentView) -> ChainLink | None:
    """From the same model's PyTorch deployment, where the study has one, for its ONNX FP32 ones."""
    if deployment.format != "onnx-fp32":
        return None
    before = next((d for d in task.measured if d.model == deployment.model and d.format == "torch-fp32"), None)
    return None if before is None else ChainLink(before, deployment)


def precision_step(task: TaskView, deployment: DeploymentView) -> ChainLink | None:
    """From the same model's FP32 on the same backend, for deployments of lower precision."""
    if deployment.is_fp32:
        return None
    before = fp32_of(task, deployment.model, deployment.backend)
    return None if before is None else ChainLink(before, deployment)


def architecture_step(task: TaskView, deployment: DeploymentView) -> ChainLink | None:
    """From the reference model's FP32 on the same backend, for FP32 deployments of other models."""
    reference = task.reference_deployment
    if reference is None or deployment.model == reference.model or not deployment.is_fp32 or deployment.pruned_of:
        return None
    before = fp32_of(task, reference.model, deployment.backend)
    return None if before is None else ChainLink(before, deployment)


def pruning_step(task: TaskView, deployment: DeploymentView) -> ChainLink | None:
    """From the model that it was made of, in FP32 on the same backend, for FP32 deployments of pruned models."""
    if deployment.pruned_of is None or not deployment.is_fp32:
        return None
    before = fp32_of(task, deployment.pruned_of, deployment.backend)
    return None if before is None else ChainLink(before, deployment)
