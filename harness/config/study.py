"""A study, as its YAML file says it: pydantic models, strict and frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PositiveInt, Tag

TaskName = Literal["question-answering", "text-classification"]
FormatName = Literal[
    "torch-fp32",
    "onnx-fp32",
    "onnx-fp16",
    "onnx-int8-dynamic",
    "onnx-int8-static",
    "onnx-int8-tensorrt",
]
BackendName = Literal[
    "onnxruntime-cpu",
    "onnxruntime-cuda",
    "onnxruntime-tensorrt",
    "openvino-cpu",
    "torch-cpu",
    "torch-cuda",
]
Architecture = Literal["bert-large", "bert-base", "distilbert", "bert-medium", "bert-mini", "bert-tiny"]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
"""Names end up in file names and in deployment names (``model/format@backend``)."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _only_key(*keys: str) -> Discriminator:
    """Tell the members of a union apart by the one key that each of them must have."""

    def which(value: Any) -> str | None:
        if isinstance(value, dict):
            return next((key for key in keys if key in value), None)
        return next((key for key in keys if hasattr(value, key)), None)

    return Discriminator(
        which,
        custom_error_type="source",
        custom_error_message=f"needs one of the keys: {', '.join(keys)}",
    )


# --- checkpoints ---------------------------------------------------------------------------------


class HubCheckpoint(Strict):
    """A model of the Hugging Face hub, at a revision."""

    hub: str
    revision: str = "main"


class FolderCheckpoint(Strict):
    """A local folder in the layout of ``save_pretrained``; safetensors only."""

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


class EmbeddedCheckpoint(Strict):
    """A member of the demonstration family that ships with the package."""

    embedded: str


CheckpointSource = Annotated[
    Annotated[HubCheckpoint, Tag("hub")]
    | Annotated[FolderCheckpoint, Tag("folder")]
    | Annotated[PackageCheckpoint, Tag("package")]
    | Annotated[RandomCheckpoint, Tag("random")]
    | Annotated[CutCheckpoint, Tag("cut")]
    | Annotated[EmbeddedCheckpoint, Tag("embedded")],
    _only_key("hub", "folder", "package", "random", "cut", "embedded"),
]


# --- data ----------------------------------------------------------------------------------------


class Source(Strict):
    sample: Annotated[int | None, Field(gt=0)] = None
    """Keep this many examples: seeded, stratified by answerability or label. None keeps all."""


class SquadSource(Source):
    """A JSON file in the SQuAD layout; ``is_impossible`` may be missing."""

    squad: Path


class TableSource(Source):
    """A CSV, JSONL or Parquet file (by its suffix) with named columns."""

    table: Path
    text: str = "text"
    label: str = "label"


class HubSource(Source):
    """A data set of the Hugging Face hub, read through `datasets`."""

    hub: str
    split: str
    revision: str | None = None
    text: str = "text"
    label: str = "label"


class EmbeddedSource(Source):
    """A corpus that scalemodel generates itself: passages with questions, or reviews."""

    embedded: Literal["train", "evaluation", "out-of-distribution"]
    size: Annotated[int, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)] = 0


DataSource = Annotated[
    Annotated[SquadSource, Tag("squad")]
    | Annotated[TableSource, Tag("table")]
    | Annotated[HubSource, Tag("hub")]
    | Annotated[EmbeddedSource, Tag("embedded")],
    _only_key("squad", "table", "hub", "embedded"),
]


class Data(Strict):
    train: DataSource
    """Trains and calibrates; its representations are the bank of the out-of-distribution detector."""
    bank: Annotated[int, Field(gt=0)] = 2000
    """How many training examples go through every deployment, as that bank."""
    evaluation: DataSource
    out_of_distribution: DataSource | None = None


# --- training ------------------------------------------------------------------------------------


class Distillation(Strict):
    """Soft labels from the reference (Hinton et al. 2015): ``alpha`` weighs them against the gold labels."""

    temperature: Annotated[float, Field(gt=0)] = 2.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5


class Recipe(Strict):
    """How every model of a task that trains is fine-tuned."""

    epochs: Annotated[float, Field(gt=0)] = 3
    batch_size: Annotated[int, Field(gt=0)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 3e-5
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_length: Annotated[int, Field(ge=16)] = 384
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Annotated[int, Field(ge=0)] = 0


class Training(Strict):
    """A model that is trained: the task's recipe, with what differs for this model alone."""

    seed: Annotated[int, Field(ge=0)] | None = None
    distillation: Distillation | None = None


class OwnArtifact(Strict):
    """A finished ONNX file in place of a checkpoint. Names are asked for only where they cannot be found."""

    onnx: Path
    """The file; weights that it keeps in other files lie beside it."""
    tokenizer: Path | None = None
    """The folder of tokenizer.json or vocab.txt; None takes the file's own."""
    logits: str | None = None
    """The output with the classes' logits (batch, labels), where it is not called ``logits``."""
    start_logits: str | None = None
    end_logits: str | None = None
    """The outputs of question answering (batch, length), where they are called otherwise."""
    representation: str | None = None
    """An output, or a tensor inside: (batch, length, hidden), to be pooled, or (batch, hidden). ``none``: left out."""
    precision: Literal["fp32", "fp16", "int8"] | None = None
    """What the report calls it; None takes what the graph's weights and operators tell."""


class Model(Strict):
    """Either a checkpoint, which is exported to formats, or an artifact, which has the one format ``onnx-own``."""

    checkpoint: CheckpointSource | None = None
    artifact: OwnArtifact | None = None
    training: Training | None = None
    """Present: fine-tuned by the task's recipe before it is exported. Absent: exported as it is."""
    replicate_of: Name | None = None
    """The same recipe with another seed: differences from that model are the seed floor."""
    formats: tuple[FormatName, ...] | None = None
    """Instead of the study's formats."""


# --- characteristics -----------------------------------------------------------------------------


class QuestionAnswering(Strict):
    """Decoding of extractive answers, as the reference post-processing of SQuAD 2.0 does it."""

    max_length: Annotated[int, Field(ge=16)] = 384
    stride: Annotated[int, Field(ge=1)] = 128
    n_best: Annotated[int, Field(ge=1)] = 20
    longest_answer: Annotated[int, Field(ge=1)] = 30
    null_threshold: float = 0.0


class Representation(Strict):
    k: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] = (5, 10, 50)


class Distribution(Strict):
    """Deep nearest neighbours (Sun et al. 2022)."""

    k: Annotated[int, Field(gt=0)] = 50
    kept: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The share of in-distribution validation points that the threshold keeps."""


class MaskedLanguageModel(Strict):
    """What proposes the attack's words: a checkpoint with a masked-LM head, or one trained for it."""

    checkpoint: CheckpointSource
    training: Recipe | None = None
    """Present: trained by masked language modelling on the task's training texts."""


class Attack(Strict):
    """BERT-ATTACK (Li et al. 2020)."""

    masked_language_model: MaskedLanguageModel
    data: Annotated[tuple[DataSource, ...], Field(min_length=1)] | None = None
    """The texts that are attacked; None takes the evaluation examples."""
    sample: Annotated[int, Field(gt=0)] = 100
    """Texts attacked from each source of ``data``."""
    candidates: Annotated[int, Field(gt=0)] = 48
    sub_word_candidates: Annotated[int, Field(gt=0)] = 4
    combinations: Annotated[int, Field(gt=0)] = 24
    words_changed_at_most: Annotated[float, Field(gt=0, le=1)] = 0.4
    similarity_at_least: Annotated[float, Field(ge=0, le=1)] = 0.2
    deployments: tuple[str, ...] = ("*",)
    """Glob patterns of the deployments that are attacked themselves; transfer reaches all of them."""


class Explanation(Strict):
    """Which words a deployment decides for, by the packages of the extra ``explain``."""

    method: Literal["lime", "shap"] = "lime"
    sample: Annotated[int, Field(gt=0)] = 30
    """Evaluation texts that are explained."""
    samples: Annotated[int, Field(ge=3)] = 300
    """Variants of a text, with words left out, that a deployment is asked about."""
    k: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] = (1, 3, 5)
    """How many of the weightiest words are compared."""


class Characteristics(Strict):
    representation: Representation = Representation()
    distribution: Distribution = Distribution()
    attack: Attack | None = None
    explanation: Explanation | None = None
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    """Resamples, by group, behind every 95 % interval."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of the examples, changed beyond the noise floor or right no longer, that does not matter."""
    overlap_margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Loss of an overlap (Jaccard), or change of the attack's success rate, that does not matter."""


class Calibration(Strict):
    """How static INT8 measures the ranges of its activations."""

    examples: Annotated[int, Field(gt=0)] = 128
    """Training examples, in padded batches of mixed lengths."""
    method: Literal["min-max", "entropy", "percentile"] = "min-max"
    """The least and the greatest value seen; the others cut off outliers, which BERT needs."""


def _number_of_examples(value: Any) -> Any:
    return {"examples": value} if isinstance(value, int) else value


class Task(Strict):
    reference: Name
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    recipe: Recipe | None = None
    data: Data
    labels: tuple[str, ...] | None = None
    """The class names of text-classification, in the order of the label indices."""
    question_answering: QuestionAnswering | None = None
    max_length: Annotated[int, Field(ge=16)] = 512
    """Longest text of text-classification in tokens; longer ones are truncated."""
    pooling: Literal["cls", "mean"] = "cls"
    calibration: Annotated[
        Calibration, BeforeValidator(_number_of_examples, json_schema_input_type=PositiveInt | Calibration)
    ] = Calibration()
    """Of static INT8; a number is that many examples."""
    parity: Annotated[int, Field(gt=0)] = 32
    """Evaluation examples on which every artifact is checked against its checkpoint."""
    execution_floor: bool = True
    """Run the reference model's deployments a second time, batched and padded otherwise."""
    characteristics: Characteristics = Characteristics()


# --- performance ---------------------------------------------------------------------------------


class Performance(Strict):
    """How load is offered, in MLPerf's words; every figure is kept raw."""

    scenarios: tuple[Literal["single-stream", "offline"], ...] = ("single-stream", "offline")
    warmup_seconds: Annotated[float, Field(ge=0)] = 1.0
    min_seconds: Annotated[float, Field(gt=0)] = 5.0
    min_count: Annotated[int, Field(gt=0)] = 64
    samples: Annotated[int, Field(gt=0)] = 256
    """Real texts of the evaluation set that are offered, over and over."""
    replicates: Annotated[int, Field(gt=0)] = 1
    """Fresh processes a deployment; they are interleaved over the deployments."""


class Study(Strict):
    """One study: its models, formats, backends, and what is measured and compared."""

    study: Name
    description: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    formats: Annotated[tuple[FormatName, ...], Field(min_length=1)] = (
        "onnx-fp32",
        "onnx-fp16",
        "onnx-int8-dynamic",
        "onnx-int8-static",
    )
    backends: Annotated[tuple[BackendName, ...], Field(min_length=1)] = ("onnxruntime-cpu",)
    threads: Annotated[int | None, Field(gt=0)] = None
    """Threads inside a deployment; None takes the cores this process may use."""
    token_budget: Annotated[int, Field(ge=16)] = 2048
    """Tokens a batch, padding counted, over examples sorted by length."""
    performance: Performance | None = Performance()
    tasks: Annotated[dict[TaskName, Task], Field(min_length=1)]
    timeout_minutes: Annotated[float, Field(gt=0)] = 120
    """A step that takes longer is ended and reported as failed."""
