"""Tasks of a checkpoint's head, a line each: the class that loads it in PyTorch, and the outputs of its artifacts."""

from __future__ import annotations

from dataclasses import dataclass

REPRESENTATION = "representation"
"""(batch, hidden), of every artifact that has one."""


@dataclass(frozen=True)
class DeployedHead:
    auto_class: str
    """Of `transformers`."""
    classes: tuple[str, ...] = ()
    """Logits (batch, labels)."""
    per_token: tuple[str, ...] = ()
    """Logits (batch, sequence), or (batch, sequence, labels)."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The artifact's, all float32."""
        return (*self.classes, *self.per_token, REPRESENTATION)


TASKS: dict[str, DeployedHead] = {
    "question-answering": DeployedHead("AutoModelForQuestionAnswering", per_token=("start_logits", "end_logits")),
    "text-classification": DeployedHead("AutoModelForSequenceClassification", classes=("logits",)),
    "multi-label-classification": DeployedHead("AutoModelForSequenceClassification", classes=("logits",)),
    "token-classification": DeployedHead("AutoModelForTokenClassification", per_token=("logits",)),
    "feature-extraction": DeployedHead("AutoModel"),
}
