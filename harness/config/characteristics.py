"""Settings of the characteristics: what is compared, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from benchmarks.statistics.bootstrap import RESAMPLES
from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN
from benchmarks.statistics.quantized_indexes import IndexKind
from harness.config.checkpoints import CheckpointSource, EncoderSource
from harness.config.data import DataSource
from harness.config.strict import Strict
from harness.config.training import Recipe

RecipeName = Literal["bae", "bert-attack", "deepwordbug", "pruthi", "pwws", "textbugger", "textfooler"]


Target = Literal["question", "context", "text", "text_pair"]


class Representation(Strict):
    k: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)] = (5, 10, 50)


class Distribution(Strict):
    """Deep nearest neighbours (Sun et al. 2022)."""

    k: Annotated[int, Field(gt=0)] = 50
    kept: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The share of in-distribution validation points that the threshold keeps."""


class MaskedLanguageModelSource(Strict):
    """What proposes the attack's words: a checkpoint with a masked-LM head, or one trained for it."""

    checkpoint: CheckpointSource
    training: Recipe | None = None
    """Present: trained by masked language modelling on the task's training texts."""


class SentenceEncoderSource(Strict):
    """What texts are held against each other with: the mean of its last hidden states."""

    checkpoint: EncoderSource


class Attack(Strict):
    """BERT-ATTACK (Li et al. 2020), or a recipe of TextAttack's."""

    recipe: RecipeName | None = None
    """TextAttack's own, one text at a time; it brings its own words, limits and similarity."""
    masked_language_model: MaskedLanguageModelSource | None = None
    """Proposes the words of BERT-ATTACK, which needs it; a recipe has no use for it."""
    sentence_encoder: SentenceEncoderSource | None = None
    """Measures the similarity of texts; None takes the masked language model's encoder."""
    target: Target | None = None
    """What is changed: of questions ``question`` or ``context``, where the words that the answer hangs on are left
    alone, and of pairs ``text_pair`` or ``text``. None: the first of the two."""
    data: Annotated[tuple[DataSource, ...], Field(min_length=1)] | None = None
    """The texts that are attacked; None takes the evaluation examples."""
    sample: Annotated[int, Field(gt=0)] = 100
    """Texts attacked from each source of ``data``."""
    candidates: Annotated[int, Field(gt=0)] = 48
    sub_word_candidates: Annotated[int, Field(gt=0)] = 4
    combinations: Annotated[int, Field(gt=0)] = 24
    max_words_changed: Annotated[float, Field(gt=0, le=1)] = 0.4
    min_similarity: Annotated[float, Field(ge=0, le=1)] = 0.2
    stop_words: Path | None = None
    """A text file of words, between blanks or line ends, that are neither changed nor put in; None takes the
    English ones that come with scalemodel."""
    mode: Literal["corrected", "reference"] = "corrected"
    """``reference`` does what the authors' released code does, quirks and all."""
    max_queries: Annotated[int, Field(gt=0)] | None = None
    """Texts that a deployment may be asked about for one example; beyond it the example counts as standing."""
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """For one example, beside the others of its group. Results then depend on the machine's speed."""
    batch_size: Annotated[int, Field(gt=0)] = 32
    """Examples that are attacked together, their queries in the same batches."""
    token_budget: Annotated[int, Field(ge=16)] | None = None
    """Of a batch of queries, which are of one length. None: 512 on ``onnxruntime-cpu``, where each batch has one
    thread, and the study's elsewhere."""
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
    indexes: tuple[IndexKind, ...] = ("int8", "binary", "binary-rescored")
    """Of retrieval: how the documents' embeddings may be kept in fewer bytes, held against float32; none: not asked."""
    bootstrap: Annotated[int, Field(ge=100)] = RESAMPLES
    """Resamples, by group, behind every 95 % interval."""
    margin: Annotated[float, Field(gt=0, lt=1)] = MARGIN
    """Share of the examples, changed beyond the noise floor or right no longer, that does not matter: *same*."""
    overlap_margin: Annotated[float, Field(gt=0, lt=1)] = OVERLAP_MARGIN
    """Loss of an overlap (Jaccard), or change of the attack's success rate, that does not matter."""
