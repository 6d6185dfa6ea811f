"""Tolerances of a deployment's outputs: from its checkpoint's, and from their own in another batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from exporters.formats import ALL


@dataclass(frozen=True)
class Tolerance:
    """Root mean square differences of an output, as shares of its spread (`exporters.parity.Difference`)."""

    precision: str
    """What is allowed is that of this precision."""
    parity: float | None
    """From the checkpoint's; None: not judged."""
    moved: float | None
    """By the texts that share the batch, or by more padding; None: not judged."""
    why: str
    """Where the numbers come from."""

    @property
    def quantized(self) -> bool:
        return self in (FIXED, PER_CALL, UNTRAINED)

    @property
    def remedy(self) -> str:
        """What to do about an artifact that is further away."""
        if self is FIXED:
            return "calibrate it on more padded examples of mixed lengths, or use another format"
        if self.quantized:
            return "use another format"
        return "export the checkpoint again, with its attention mask and the study's pooling"


FLOAT32 = Tolerance("float32", 1e-3, 1e-3, "another order of summation gives 1e-6 to 1e-5; a wrong graph 0.1 and more")
FLOAT16 = Tolerance(
    "float16", 0.03, 0.03, "11 bits a number: about 1e-3, and more where sums are of half precision too"
)
BFLOAT16 = Tolerance("bfloat16", 0.2, 0.2, "8 bits a number: about 1e-2, and more in deep models")
FIXED = Tolerance(
    "quantized", 0.7, 0.2, "how much is lost is what is compared; a constant is 1 away, any other output 1.4"
)
PER_CALL = Tolerance(
    "quantized at run time",
    0.7,
    None,
    "likewise; scales come from each call's own values, so that outputs move by nature",
)
UNTRAINED = Tolerance(
    "4-bit weights, random",
    None,
    None,
    "24 layers of random weights say nearly the same of every text: rounding to 4 bits moves that by twice the spread",
)


def tolerance(
    format: str,
    computed_in: Collection[str] = (),
    *,
    trained: bool = True,
) -> Tolerance:
    """The limits of a deployment: those of the coarsest of what its format holds and what it is ``computed_in``.

    That are the precisions in which the runtime says that it multiplied, or may by its options, as far as it does. Not
    ``trained``: the weights are random.
    """
    facts = ALL[format]
    if facts.precision == "int4" and not trained:
        return UNTRAINED
    if facts.quantized:
        return PER_CALL if facts.scales_at_run_time else FIXED
    computed = {facts.precision, *computed_in}
    if "bf16" in computed:
        return BFLOAT16
    return FLOAT16 if "fp16" in computed else FLOAT32
