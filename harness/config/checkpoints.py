"""Sources of a model's checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Tag

from harness.config.names import HubId, Name
from harness.config.strict import Strict, only_key

Architecture = Literal["bert-large", "bert-base", "distilbert", "bert-medium", "bert-mini", "bert-tiny"]


class HubCheckpoint(Strict):
    """A model of the Hugging Face hub, at a revision."""

    hub: HubId
    revision: str = "main"


class FolderCheckpoint(Strict):
    """A local folder in the layout of ``save_pretrained``, weights in safetensors or ``pytorch_model.bin``."""

    folder: Path


class PackageCheckpoint(Strict):
    """A folder inside an installed Python package."""

    package: str
    subfolder: str = "."


class RandomCheckpoint(Strict):
    """A named architecture with random weights: good for speed, meaningless for quality."""

    random: Architecture


class CutCheckpoint(Strict):
    """A student made of some layers of another model's starting checkpoint, as DistilBERT was made."""

    cut: Name
    layers: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class PrunedCheckpoint(Strict):
    """Another model's checkpoint, as trained, without the weights or attention heads of least magnitude."""

    pruned: Name
    sparsity: Literal["2:4"] | None = None
    """Two of every four neighbouring weights of the encoder's layers become 0."""
    heads: Annotated[float | None, Field(gt=0, lt=1)] = None
    """The share of every layer's attention heads that goes; the matrices shrink."""


class EmbeddedCheckpoint(Strict):
    """A member of the demonstration family that ships with the package."""

    embedded: str


EncoderSource = Annotated[
    Annotated[HubCheckpoint, Tag("hub")]
    | Annotated[FolderCheckpoint, Tag("folder")]
    | Annotated[PackageCheckpoint, Tag("package")],
    only_key("hub", "folder", "package"),
]
"""Of a finished encoder that is no model of the study."""

CheckpointSource = Annotated[
    Annotated[HubCheckpoint, Tag("hub")]
    | Annotated[FolderCheckpoint, Tag("folder")]
    | Annotated[PackageCheckpoint, Tag("package")]
    | Annotated[RandomCheckpoint, Tag("random")]
    | Annotated[CutCheckpoint, Tag("cut")]
    | Annotated[PrunedCheckpoint, Tag("pruned")]
    | Annotated[EmbeddedCheckpoint, Tag("embedded")],
    only_key("hub", "folder", "package", "random", "cut", "pruned", "embedded"),
]
