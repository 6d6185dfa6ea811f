"""Verify a deployment before anything of it is timed: against its checkpoint, and against itself.

What fails here fails the deployment, with its reason; nothing of it is run, timed or compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from exporters.parity import PER_TOKEN, Parity, compare_outputs
from harness.errors import StepFailed
from harness.execution.status import NOT_FINITE, REFUSED
from harness.execution.worker import Context
from harness.live import open_artifact
from harness.steps.expected import read_expected
from harness.store.atomic import write_json
from harness.verification import FILE, Quality, VerificationInputs, alone, difference, quality, verification_inputs

VERSION = 1

Outputs = Mapping[str, NDArray[np.float32]]

AGAINST_ITSELF = "itself, each text alone and without padding"
REPEATED = 1e-5
"""Largest difference between two runs of one input, as a share of the largest output, that is rounding: on a GPU, a
sum's order may differ. Dropout that was exported in training mode is far above."""


def run(context: Context) -> None:
    inputs = verification_inputs(context, context.input("artifact"))
    with open_artifact(context.input("artifact"), context.options) as backend:
        actual = [backend.infer(batch) for batch in inputs.batches]
        _require_finite(actual, inputs)
        determinism = _determinism(backend, inputs, actual[0])
        if "expected" in context.step.needs:
            expected = read_expected(context.input("expected"), backend.outputs)
            parity = asdict(_parity(expected, actual, inputs))
            found = quality(inputs, expected, actual)
            _require_quality(found, context.options["quality_loss"])
        else:
            own = [alone(backend, batch, padded=False) for batch in inputs.batches]
            parity = {**asdict(_parity(own, actual, inputs)), "against": AGAINST_ITSELF}
            found = None
        products = backend.products()
    write_json(
        context.destination / FILE,
        {
            "version": VERSION,
            "parity": parity,
            "quality": None if found is None else {**asdict(found), "allowed": context.options["quality_loss"]},
            "determinism": determinism,
            "products": products,
        },
    )


def _require_finite(outputs: Sequence[Outputs], inputs: VerificationInputs) -> None:
    for name in outputs[0]:
        finite = [np.isfinite(given[name]) for given in outputs]
        if name in PER_TOKEN:  # what stands at padding means nothing
            finite = [good | (batch["attention_mask"] == 0) for good, batch in zip(finite, inputs.batches, strict=True)]
        rows = np.concatenate([good.all(axis=1) for good in finite])
        if not rows.all():
            raise StepFailed(
                NOT_FINITE,
                f"{name} holds NaN or infinity for {int((~rows).sum())} of {len(rows)} real, padded inputs; try a "
                "format with more precision",
            )


def _determinism(backend: Backend, inputs: VerificationInputs, together: Outputs) -> dict[str, float]:
    """How far the first batch's outputs move: run again, in a batch of one, and with less padding."""
    batch = inputs.batches[0]
    repeated = difference(together, backend.infer(batch), batch)
    largest = max(float(np.abs(array).max()) for array in together.values())
    if not repeated <= REPEATED * max(1.0, largest):
        raise StepFailed(
            REFUSED,
            f"other outputs when the same input comes again (by up to {repeated:.3g}); export the model in evaluation "
            "mode, without dropout",
        )
    one, bare = alone(backend, batch, padded=True), alone(backend, batch, padded=False)
    return {
        "repeated": repeated,
        "another_batch": difference(together, one, batch),
        "more_padding": difference(one, bare, batch),
    }


def _parity(expected: Sequence[Outputs], actual: Sequence[Outputs], inputs: VerificationInputs) -> Parity:
    return compare_outputs(expected, actual, inputs.batches)


def _require_quality(found: Quality, allowed: float | None) -> None:
    """``allowed`` None: the weights are random, and right answers are luck."""
    if allowed is None or found.loss - 2 * found.standard_error <= allowed:
        return
    raise StepFailed(
        REFUSED,
        f"{found.measure} is {100 * found.deployment:.1f} % on {found.examples} examples, the checkpoint's is "
        f"{100 * found.checkpoint:.1f} %: the compression destroyed the model; calibrate it otherwise, use another "
        f"format, or allow a loss of more than {100 * allowed:g} points (quality_loss)",
    )
