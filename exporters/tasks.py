"""Tasks of a checkpoint's head, a line each: the class that loads it, and the outputs of its artifacts.

Beside them the activation of a head with one output, which makes that number the score, and which no graph holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from exporters.errors import ExportError

Axis = Literal["sequence_length", "labels"]


@dataclass(frozen=True)
class Head:
    """The head of a checkpoint; several tasks of a user of this package may share one."""

    task: str
    """Its name."""
    auto_class: str
    """The class of `transformers` that loads a checkpoint with it."""
    outputs: Mapping[str, tuple[Axis, ...]]
    """The logits by name, in order, with their axes behind the batch's; none: its checkpoints have no head, and the
    representation is all that they say."""
    multi_label: bool = False
    """Whether every label is a decision of its own, behind a sigmoid; else one of them is right."""

    @property
    def exported_as(self) -> str:
        """`optimum`'s word for it, which knows graphs and no decisions."""
        return "text-classification" if self.multi_label else self.task

    @property
    def classifies(self) -> bool:
        """Whether its checkpoints name classes."""
        return any("labels" in axes for axes in self.outputs.values())

    @property
    def per_token(self) -> frozenset[str]:
        """The logits that have a token axis, which is the first behind the batch's."""
        return frozenset(name for name, axes in self.outputs.items() if axes[0] == "sequence_length")


QUESTION_ANSWERING = Head(
    "question-answering",
    "AutoModelForQuestionAnswering",
    {"start_logits": ("sequence_length",), "end_logits": ("sequence_length",)},
)
TEXT_CLASSIFICATION = Head("text-classification", "AutoModelForSequenceClassification", {"logits": ("labels",)})
MULTI_LABEL_CLASSIFICATION = Head(
    "multi-label-classification", TEXT_CLASSIFICATION.auto_class, TEXT_CLASSIFICATION.outputs, multi_label=True
)
TOKEN_CLASSIFICATION = Head(
    "token-classification", "AutoModelForTokenClassification", {"logits": ("sequence_length", "labels")}
)
EMBEDDING = Head("feature-extraction", "AutoModel", {})

TASKS: dict[str, Head] = {
    head.task: head
    for head in (
        QUESTION_ANSWERING,
        TEXT_CLASSIFICATION,
        MULTI_LABEL_CLASSIFICATION,
        TOKEN_CLASSIFICATION,
        EMBEDDING,
    )
}


Activation = Literal["identity", "sigmoid"]

IDENTITY = {"activation_fn": "torch.nn.modules.linear.Identity"}
"""The field ``sentence_transformers`` of a configuration whose output is the score as it is."""


def activation_of(config: Mapping[str, Any]) -> Activation:
    """What ``config``, the content of a config.json, says of a head with one output.

    As sentence-transformers' CrossEncoder has it (``sentence_transformers.activation_fn``, or its older name); where
    it says nothing, as the pipeline of transformers: none for a regression, or else a sigmoid. Raises `ExportError`
    for another activation.
    """
    own = config.get("sentence_transformers")
    named = own.get("activation_fn") if isinstance(own, Mapping) else None
    named = named or config.get("sbert_ce_default_activation_function")
    if named is None:
        return "identity" if config.get("problem_type") == "regression" else "sigmoid"
    known = str(named).rpartition(".")[2].lower()
    if known not in ("identity", "sigmoid"):
        raise ExportError(f"activation {named!r} of the configuration is not known: it is Identity or Sigmoid")
    return cast("Activation", known)
