"""Verify a deployment before anything of it is timed: against its checkpoint or its graph, and against itself.

What fails here fails the deployment, with its reason; nothing of it is run, timed or compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.registry import backend_class
from exporters.manifest import Manifest, read_manifest
from exporters.onnx.graph import MODEL
from exporters.parity import Difference, Parity
from harness.config.strict import Strict
from harness.errors import NOT_FINITE, REFUSED, StepFailed
from harness.inference.deployment import open_artifact
from harness.inference.options import BackendOptions
from harness.steps.checkpoint_outputs import read_expected, read_unpadded
from harness.steps.context import Context
from harness.steps.deployed import with_negatives
from harness.store.examples import read_examples
from harness.store.step import StepInputs, StepRef
from harness.verification.checks import VerificationInputs, alone, quality, verification_inputs
from harness.verification.preprocessing import read_preprocessing
from harness.verification.result import Determinism, QualityLoss, VerificationResult, write_verification
from harness.verification.tolerances import Tolerance, tolerance

VERSION = 6
LIBRARIES = ("tokenizers",)

Outputs = Mapping[str, NDArray[np.float32]]

AGAINST_ITSELF = "itself, each text alone and without padding"
AGAINST_GRAPH = "its graph as it is written, by ONNX Runtime without optimisation"
IN_FLOAT32 = frozenset({"float32", "float64", "int32"})
"""Types of weights that leave backends no choice of precision."""
REPEATED = 1e-5
"""Largest difference between two runs of one input, as a share of the largest output, that is rounding: on a GPU, a
sum's order may differ. Dropout that was exported in training mode is far above."""

SUMS_TO_ONE = 0.01
"""How far off 1 the sum of probabilities may be, in FP16 or INT8."""


class Options(Strict):
    deployment: BackendOptions
    """Without a token budget: verification makes batches of its own."""
    verification_examples: int
    seed: int
    quality_loss: float | None
    """F1 or accuracy, as a share, that the deployment may lose; None: the weights are random, or it is a finished
    file, and right answers are not asked for."""


class Inputs(StepInputs):
    artifact: StepRef
    evaluation: StepRef
    expected: StepRef | None = None
    """What its checkpoint, or its graph, says; a finished engine can be held against nothing but itself."""


def run(context: Context[Options, Inputs]) -> None:
    artifact, expected = context.folder(context.inputs.artifact), context.inputs.expected
    options = with_negatives(context, context.options.deployment, context.inputs.evaluation)
    quality_loss = context.options.quality_loss
    manifest = read_manifest(artifact)
    if reason := backend_class(options.backend).computes_otherwise(artifact / MODEL):
        raise StepFailed(REFUSED, reason)
    inputs = verification_inputs(
        read_examples(context.folder(context.inputs.evaluation)),
        artifact,
        options.task.open().activated(manifest.activation),
        count=context.options.verification_examples,
        seed=context.options.seed,
        positions=manifest.max_positions,
        pad_token=manifest.pad_token,
    )
    with open_artifact(artifact, options) as backend:
        actual = [backend.infer(batch) for batch in inputs.batches]
        _require_finite(actual, inputs)
        matmuls = backend.matmuls()
        computed_in = {*(matmuls or ()), *filter(None, [backend.lowest_precision])}
        allowed = tolerance(options.format, computed_in, trained=quality_loss is not None)
        if "checkpoint_sha256" in manifest.source:
            assert expected is not None  # planning has seen to it
            judged = True
            outputs = read_expected(context.folder(expected), backend.outputs)
            against: str | None = None
            parity = inputs.compare(outputs, actual)
            lost = quality(inputs, outputs, actual, quality_loss)
            if allowed.quantized:  # what a bad calibration costs says more than how far it is off
                _require_quality(lost, allowed.remedy)
            _require_parity(parity, allowed)
            _require_quality(lost, allowed.remedy)
            unpadded = read_unpadded(context.folder(expected), backend.outputs)
            determinism = _determinism(backend, inputs, actual[0], allowed, unpadded, outputs[0])
        else:
            _require_logits(actual, inputs)
            lost, judged = None, expected is not None and _in_float32(manifest)
            determinism = _determinism(backend, inputs, actual[0])
            parity, against = _parity_of_finished(context, backend, inputs, actual, allowed if judged else None)
    result = VerificationResult(
        parity=parity,
        against=against,
        quality=lost,
        determinism=determinism,
        tolerance=allowed if judged else None,
        matmuls=matmuls,
        preprocessing=read_preprocessing(*([] if expected is None else [context.folder(expected)]), artifact),
    )
    write_verification(context.destination, result)


def _parity_of_finished(
    context: Context[Options, Inputs],
    backend: Backend,
    inputs: VerificationInputs,
    actual: Sequence[Outputs],
    allowed: Tolerance | None,
) -> tuple[Parity, str]:
    """Of a finished file, against its graph; of an engine, against itself. Tells against what.

    ``allowed`` None: it is not judged.
    """
    if context.inputs.expected is None:
        own = [alone(backend, batch, padded=False) for batch in inputs.batches]
        return inputs.compare(own, actual), AGAINST_ITSELF
    expected = read_expected(context.folder(context.inputs.expected), backend.outputs)
    compared = inputs.compare(expected, actual)
    if allowed is not None:
        remedy = f"{backend.name} computes one of its operators otherwise; use another backend, or standard operators"
        _require_parity(compared, allowed, "what its graph says, by ONNX Runtime without optimisation", remedy)
    return compared, AGAINST_GRAPH


def _in_float32(manifest: Manifest) -> bool:
    """Whether a finished file leaves backends no choice of precision, so that they must agree."""
    facts = manifest.found or {}
    return manifest.precision == "fp32" and facts.get("weights", {}).keys() <= IN_FLOAT32


def _require_finite(outputs: Sequence[Outputs], inputs: VerificationInputs) -> None:
    for name in outputs[0]:
        finite = [_finite(given[name]) for given in outputs]
        if name in inputs.task.head.per_token:  # what stands at padding means nothing
            finite = [good | (batch["attention_mask"] == 0) for good, batch in zip(finite, inputs.batches, strict=True)]
        rows = np.concatenate([good.all(axis=1) for good in finite])
        if not rows.all():
            raise StepFailed(
                NOT_FINITE,
                f"{name} holds NaN or infinity for {int((~rows).sum())} of {len(rows)} real, padded inputs; try a "
                "format with more precision",
            )


def _finite(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(batch, ...) to the first two axes: of a token, all classes."""
    good: NDArray[np.bool_] = np.isfinite(values)
    return np.asarray(good.all(axis=2) if good.ndim == 3 else good)


def _require_logits(outputs: Sequence[Outputs], inputs: VerificationInputs) -> None:
    """Of a finished file, an output may be called logits and be probabilities, which would get a second softmax."""
    for name in inputs.task.head.outputs:
        probabilities = []
        for given, batch in zip(outputs, inputs.batches, strict=True):
            rows, mask = given[name], batch["attention_mask"]
            if rows.ndim == 3:  # one distribution a token
                rows = np.where(mask[..., None] > 0, rows, 1 / rows.shape[2])
            elif name in inputs.task.head.per_token:
                rows = rows * mask
            if inputs.task.head.multi_label:
                is_probability = ((rows >= 0) & (rows <= 1)).all(axis=-1)
            else:
                is_probability = (rows >= 0).all(axis=-1) & (np.abs(rows.sum(axis=-1) - 1) < SUMS_TO_ONE)
            probabilities.append(is_probability.reshape(len(rows), -1).all(axis=1))
        if np.concatenate(probabilities).all():
            evidence = (
                "all are 0 to 1" if inputs.task.head.multi_label else "none is below 0, and every input's sum to 1"
            )
            raise StepFailed(
                REFUSED,
                f"{name} are probabilities, not logits: {evidence}; export the model without its "
                f"{'sigmoid' if inputs.task.head.multi_label else 'softmax'}",
            )


def _determinism(
    backend: Backend,
    inputs: VerificationInputs,
    together: Outputs,
    allowed: Tolerance | None = None,
    unpadded: Outputs | None = None,
    padded: Outputs | None = None,
) -> Determinism:
    """How far the first batch's outputs move: run again, in a batch of one, and with less padding.

    ``allowed``: the share of an output's spread by which the last two may move it; None: they are not judged.
    ``unpadded`` and ``padded`` are what the checkpoint says of each text alone and without padding, and of the batch:
    a checkpoint that padding moves itself has artifacts that it moves as much, and they are not to blame.
    """
    batch = inputs.batches[0]
    repeated = _largest(inputs.compare([together], [backend.infer(batch)]))
    largest = max(float(np.abs(array).max()) for array in together.values())
    if repeated is None or repeated > REPEATED * max(1.0, largest):
        raise StepFailed(
            REFUSED,
            f"other outputs when the same input comes again (by up to {repeated or np.nan:.3g}); export the model in "
            "evaluation mode, without dropout",
        )
    one, bare = alone(backend, batch, padded=True), alone(backend, batch, padded=False)
    another_batch = inputs.compare([together], [one])
    more_padding = inputs.compare([bare], [one])
    own = None if unpadded is None or padded is None else inputs.compare([unpadded], [padded])
    if allowed is not None and allowed.moved is not None:
        limit = allowed.moved
        _require_unmoved(another_batch, limit, "shares its batch with other texts", "write no batch size into it")
        follows = unpadded is not None and _as_the_checkpoint(inputs.compare([unpadded], [bare]), allowed)
        if own is None or not _moved(own, limit) or not follows:
            _require_unmoved(more_padding, limit, "is padded more", "let its attention use attention_mask")
    return Determinism(
        repeated=repeated,
        another_batch=_largest(another_batch),
        more_padding=_largest(more_padding),
        checkpoint_more_padding=None if own is None else _largest(own),
    )


def _moved(moved: Parity, allowed: float) -> bool:
    return any(output.share is None or output.share > allowed for output in moved.outputs.values())


def _as_the_checkpoint(unpadded: Parity, allowed: Tolerance) -> bool:
    """Whether the unpadded outputs are the checkpoint's, as the padded ones are: then it moves as they do."""
    if allowed.parity is None:
        return False
    return all(output.share is not None and output.share <= allowed.parity for output in unpadded.outputs.values())


def _largest(parity: Parity) -> float | None:
    """Of all outputs; None when one is not finite."""
    differences = [output.largest for output in parity.outputs.values() if output.largest is not None]
    return max(differences) if parity.finite else None


def _require_unmoved(moved: Parity, allowed: float, when: str, remedy: str) -> None:
    for name, output in moved.outputs.items():
        if output.share is None or output.share > allowed:
            raise StepFailed(
                REFUSED,
                f"{name} moves by {_share(output)} of its spread when the same text {when}, {allowed:g} is allowed: "
                f"{remedy}, and export the model again",
            )


def _require_parity(
    parity: Parity, allowed: Tolerance, whose: str = "the checkpoint's", remedy: str | None = None
) -> None:
    if allowed.parity is None:
        return
    for name, output in parity.outputs.items():
        if output.share is None or output.share > allowed.parity:
            raise StepFailed(
                REFUSED,
                f"{name} is {_share(output)} of its spread away from {whose} (root mean square), "
                f"{allowed.parity:g} is allowed in {allowed.precision}: {remedy or allowed.remedy}",
            )


def _share(output: Difference) -> str:
    return "NaN" if output.share is None else f"{output.share:.2g}"


def _require_quality(lost: QualityLoss | None, remedy: str) -> None:
    if lost is None or lost.allowed is None or lost.loss - 2 * lost.standard_error <= lost.allowed:
        return
    raise StepFailed(
        REFUSED,
        f"{lost.measure} is {100 * lost.deployment:.1f} % on {lost.examples} examples, the "
        f"checkpoint's is {100 * lost.checkpoint:.1f} %: the compression destroyed the model; {remedy}, or "
        f"allow a loss of more than {100 * lost.allowed:g} points (quality_loss)",
    )
