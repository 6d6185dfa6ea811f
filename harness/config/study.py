"""A study, as its YAML file says it: pydantic models, strict and frozen."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from backends.registry import BACKENDS
from exporters.formats import FORMATS
from exporters.own_engine import FORMAT as OWN_ENGINE_FORMAT
from exporters.own_onnx import FORMAT as OWN_FORMAT

TaskName = Literal["question-answering", "text-classification"]
RecipeName = Literal["bae", "bert-attack", "deepwordbug", "pruthi", "pwws", "textbugger", "textfooler"]
Architecture = Literal["bert-large", "bert-base", "distilbert", "bert-medium", "bert-mini", "bert-tiny"]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
"""Names end up in file names and in deployment names (``model/format@backend``)."""


def _one_of(known: Collection[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in known:
            raise PydanticKnownError("literal_error", {"expected": ", ".join(known)})
        return name

    return check


def _made_by_export(name: str) -> str:
    if name in (OWN_FORMAT, OWN_ENGINE_FORMAT):
        raise PydanticCustomError("own_format", "comes with a finished file alone: give that as a model's artifact")
    return _one_of(FORMATS)(name)


# What there is, is said once: where it is made.
FormatName = Annotated[
    str, AfterValidator(_made_by_export), WithJsonSchema({"type": "string", "enum": list(FORMATS)}, mode="validation")
]
BackendName = Annotated[
    str,
    AfterValidator(_one_of(BACKENDS)),
    WithJsonSchema({"type": "string", "enum": list(BACKENDS)}, mode="validation"),
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)  # they go into the schema


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


CheckpointSource = Annotated[
    Annotated[HubCheckpoint, Tag("hub")]
    | Annotated[FolderCheckpoint, Tag("folder")]
    | Annotated[PackageCheckpoint, Tag("package")]
    | Annotated[RandomCheckpoint, Tag("random")]
    | Annotated[CutCheckpoint, Tag("cut")]
    | Annotated[PrunedCheckpoint, Tag("pruned")]
    | Annotated[EmbeddedCheckpoint, Tag("embedded")],
    _only_key("hub", "folder", "package", "random", "cut", "pruned", "embedded"),
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
    """A finished file in place of a checkpoint. Names are asked for only where they cannot be found."""

    onnx: Path | None = None
    """An ONNX file; weights that it keeps in other files lie beside it."""
    tensorrt: Path | None = None
    """Or a TensorRT engine, with inputs and outputs of the usual names; it has no other than these."""
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
    """Either a checkpoint, which is exported to formats, or an artifact, which has one format of its own."""

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
    """BERT-ATTACK (Li et al. 2020), or a recipe of TextAttack's."""

    recipe: RecipeName | None = None
    """TextAttack's own, one text at a time; it brings its own words, limits and similarity."""
    masked_language_model: MaskedLanguageModel | None = None
    """Proposes the words of BERT-ATTACK, which needs it; a recipe has no use for it."""
    target: Literal["question", "context"] = "question"
    """What is changed of question answering's examples; the words that the answer hangs on are left alone."""
    data: Annotated[tuple[DataSource, ...], Field(min_length=1)] | None = None
    """The texts that are attacked; None takes the evaluation examples."""
    sample: Annotated[int, Field(gt=0)] = 100
    """Texts attacked from each source of ``data``."""
    candidates: Annotated[int, Field(gt=0)] = 48
    sub_word_candidates: Annotated[int, Field(gt=0)] = 4
    combinations: Annotated[int, Field(gt=0)] = 24
    words_changed_at_most: Annotated[float, Field(gt=0, le=1)] = 0.4
    similarity_at_least: Annotated[float, Field(ge=0, le=1)] = 0.2
    mode: Literal["corrected", "reference"] = "corrected"
    """``reference`` does what the authors' released code does, quirks and all."""
    queries_at_most: Annotated[int, Field(gt=0)] | None = None
    """Texts that a deployment may be asked about for one example; beyond it the example counts as standing."""
    seconds_at_most: Annotated[float, Field(gt=0)] | None = None
    """For one example, beside the others of its group. Results then depend on the machine's speed."""
    examples_at_once: Annotated[int, Field(gt=0)] = 32
    """Examples that are attacked in lock step, their queries in the same batches."""
    random_swaps: bool = True
    """Beside each attack, as many queries with words and candidates drawn at random: is the attack led astray?"""
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
    parity: Annotated[int, Field(gt=0)] = 64
    """Evaluation examples on which every deployment is verified, before it is timed, against its checkpoint."""
    quality_loss: Annotated[float, Field(ge=0, le=1)] = 0.1
    """F1 or accuracy, as a share, that a deployment may lose on them. More, beyond doubt, fails it."""
    execution_floor: bool = True
    """Run the reference model's deployments a second time, batched and padded otherwise."""
    characteristics: Characteristics = Characteristics()


# --- performance ---------------------------------------------------------------------------------


class Server(Strict):
    """The search for the highest rate of Poisson arrivals whose p99 stays under a bound."""

    p99_ms: Annotated[float | None, Field(gt=0)] = None
    """Of a request from its arrival to its answer; None takes ten median single-stream latencies of each deployment."""
    queries: Annotated[int, Field(ge=662)] = 662
    """Requests a rate, at least; MLPerf's least for a p99 with 99 % confidence."""


class Sweep(Strict):
    """Fixed shapes, for a surface of latency: every batch size with every length."""

    batch: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] = (1, 8)
    length: Annotated[tuple[Annotated[int, Field(gt=2)], ...], Field(min_length=1)] = (32, 128, 384)
    """Tokens, all of them real ones."""
    min_seconds: Annotated[float, Field(gt=0)] = 1.0
    min_count: Annotated[int, Field(gt=0)] = 10


class Performance(Strict):
    """How load is offered, in MLPerf's words; every figure is kept raw."""

    scenarios: tuple[Literal["single-stream", "multi-stream", "offline", "server"], ...] = ("single-stream", "offline")
    warmup_seconds: Annotated[float, Field(ge=0)] = 1.0
    """At least; a warm-up goes on until latency no longer changes."""
    warmup_at_most: Annotated[float, Field(gt=0)] = 30.0
    min_seconds: Annotated[float, Field(gt=0)] = 5.0
    min_count: Annotated[int, Field(gt=0)] = 64
    samples: Annotated[int, Field(gt=0)] = 256
    """Real texts of the evaluation set that are offered, over and over."""
    replicates: Annotated[int, Field(gt=0)] = 1
    """Fresh processes a deployment; they are interleaved over the deployments."""
    server: Server = Server()
    """Of the scenario of that name."""
    sweep: Sweep | None = None
    tune: bool = False
    """Also search for the sessions, threads and token budget that are fastest offline, and measure them."""


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
    backend_options: dict[BackendName, dict[str, Any]] = {}
    """Settings of the runtimes, by backend: docs/backends.md names them. Checked by the backend itself."""
    threads: Annotated[int | None, Field(gt=0)] = None
    """Threads inside a deployment; None takes the cores this process may use."""
    token_budget: Annotated[int, Field(ge=16)] = 1024
    """Tokens a batch, padding counted, over examples sorted by length."""
    performance: Performance | None = Performance()
    tasks: Annotated[dict[TaskName, Task], Field(min_length=1)]
    timeout_minutes: Annotated[float, Field(gt=0)] = 120
    """A step that takes longer is ended and reported as failed."""
