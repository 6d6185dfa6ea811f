"""The attack against TextAttack's BERTAttackLi2020, and what several formats cost together.

``python -m tests.performance.attack ARTIFACT MASKED_LM TEXTS.csv [--sample 100] [--formats ARTIFACT...]``

ARTIFACT: a folder of a text classifier (its manifest tells the format). MASKED_LM: the checkpoint folder of a masked
language model, for candidates and similarity on both sides. Text by text, ours and TextAttack's in turn, so that a
drift of the machine hits both alike. TextAttack has its recipe's parts and defaults: the masked language model padded
to 512, one pass a word, and the classifier asked as its ``HuggingFaceModelWrapper`` does, in batches of 32 padded to
512. With ``--shared-batches`` it asks through our batches instead, which tells what the rest of the attack saves. With
``--large``, words are proposed by a masked language model that says what MASKED_LM says at the cost of BERT-base, which
the recipe has; similarity stays MASKED_LM's. ``--backend`` runs the artifact on another runtime, and ``--option`` sets
an option of it, for both sides. With ``--formats``, the time of attacking all of them over that of each alone.

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import yaml
from scipy.special import softmax

from backends.host.machine import usable_cores
from benchmarks.attack.probabilities import Predict
from benchmarks.attack.results import Status
from benchmarks.attack.words import stop_words
from benchmarks.characteristics.adversarial_attack import (
    AttackResult,
    AttackSettings,
    MaskedLanguageModel,
    attack,
    rules_of,
)
from exporters.attack_models.masked_language_model import write
from harness.inference.deployment import DeploymentRunner, one_session_a_thread, open_artifact, open_deployment
from harness.inference.options import DeploymentOptions, TaskOptions
from harness.planning.attacks import FOR_ONE_THREAD
from harness.tasks.fast_tokenizer import read_tokenizer
from tests.performance.widened import widened

Example = tuple[str, str, int]

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("artifact", type=Path)
    parser.add_argument("masked_lm", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument(
        "--candidates",
        type=int,
        default=8,
        help="TextAttack needs 12 s for 48 of each of 3 pieces, and its recipe has 8",
    )
    parser.add_argument("--large", action="store_true", help="a masked language model of BERT-base's size")
    parser.add_argument("--shared-batches", action="store_true", help="TextAttack asks through our batches")
    parser.add_argument("--backend", default="onnxruntime-cpu", help="what runs ARTIFACT, on both sides")
    parser.add_argument("--option", action="append", default=[], help="of the backend, such as spinning=false")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--formats", type=Path, nargs="*", default=[])
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="other sizes of groups to compare")
    chosen = parser.parse_args()
    settings = AttackSettings(candidates=chosen.candidates)
    examples = _examples(chosen.texts, chosen.sample)
    given = yaml.safe_load("\n".join(option.replace("=", ": ", 1) for option in chosen.option))
    runtime = Runtime(chosen.backend, given)
    with tempfile.TemporaryDirectory() as scratch:
        proposer = _large(chosen.masked_lm, Path(scratch)) if chosen.large else chosen.masked_lm
        candidates = _exported(proposer, settings, Path(scratch, "proposes")).candidates
        similarity = _exported(chosen.masked_lm, settings, Path(scratch, "encodes")).similarity
        with _deployment(chosen.artifact, runtime) as deployment:
            ours = Ours(candidates, similarity, settings)
            if chosen.batches:
                _batches(deployment, ours, examples, chosen.batches)
            elif chosen.formats:
                _formats(chosen.formats, runtime, ours, examples)
            else:
                shared = chosen.shared_batches
                ask = deployment.scores if shared else _padded_to_512(chosen.artifact, runtime)
                theirs = _textattack(ask, proposer, chosen.masked_lm, settings)
                _against(deployment, ours, examples, theirs, chosen.batch_size)


def _examples(path: Path, count: int) -> list[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    drawn = np.random.default_rng(0).permutation(len(rows))[:count]
    return [(str(row), rows[row]["text"], int(rows[row]["label"])) for row in map(int, drawn)]


@dataclass(frozen=True)
class Runtime:
    backend: str
    options: dict[str, Any] | None


def _options(artifact: Path, runtime: Runtime) -> DeploymentOptions:
    """As a step that opens the artifact has them."""
    manifest = json.loads((artifact / "manifest.json").read_text())
    return DeploymentOptions(
        backend=runtime.backend,
        backend_options=runtime.options or {},
        format=manifest["format"],
        task=TaskOptions(name="text-classification", max_length=512),
        pooling=manifest["pooling"],
        threads=usable_cores(),
        token_budget=FOR_ONE_THREAD,
    )


@contextmanager
def _deployment(artifact: Path, runtime: Runtime) -> Iterator[DeploymentRunner]:
    with open_deployment(artifact, one_session_a_thread(_options(artifact, runtime))) as deployment:
        yield deployment


def _large(masked_lm: Path, scratch: Path) -> Path:
    """A checkpoint of the same function, of BERT-base's size."""
    from transformers import AutoModelForMaskedLM

    shutil.copytree(masked_lm, scratch / "large", ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    widened(AutoModelForMaskedLM.from_pretrained(masked_lm)).save_pretrained(scratch / "large")
    return scratch / "large"


def _exported(checkpoint: Path, settings: AttackSettings, folder: Path) -> MaskedLanguageModel:
    folder.mkdir()
    write(checkpoint, folder)
    return MaskedLanguageModel(folder, settings, threads=usable_cores())


@dataclass(frozen=True)
class Ours:
    """Our attack, but for the deployment that it asks."""

    propose: Callable[..., Any]
    similarity: Callable[..., Any]
    settings: AttackSettings

    def attack(self, deployment: DeploymentRunner, examples: Sequence[Example], batch_size: int) -> list[AttackResult]:
        return list(
            attack(
                deployment.scores,
                examples,
                candidates=self.propose,
                similarity=self.similarity,
                settings=self.settings,
                batch_size=batch_size,
            )
        )


# --- against TextAttack --------------------------------------------------------------------------


def _against(
    deployment: DeploymentRunner,
    ours: Ours,
    examples: Sequence[Example],
    theirs: Callable[[Example], AttackResult],
    batch_size: int,
) -> None:
    """A group of ours, then its texts one by one through TextAttack, and so on."""
    seconds: dict[str, list[float]] = {"ours": [], "textattack": []}
    results: dict[str, list[AttackResult]] = {"ours": [], "textattack": []}
    ours.attack(deployment, examples[:1], 1)
    for start in range(0, len(examples), batch_size):
        group = examples[start : start + batch_size]
        began = time.perf_counter()
        results["ours"] += ours.attack(deployment, group, batch_size)
        seconds["ours"].append(time.perf_counter() - began)
        began = time.perf_counter()
        results["textattack"] += [theirs(example) for example in group]
        seconds["textattack"].append(time.perf_counter() - began)
        took = [found[-1] for found in seconds.values()]
        print(f"{start + len(group)} texts: {took[0]:.1f} s and {took[1]:.1f} s", flush=True)
        _tell(seconds, results)


def _tell(seconds: dict[str, list[float]], results: dict[str, list[AttackResult]]) -> None:
    """Of all groups so far: a run of hours may be stopped after any."""
    for name, found in results.items():
        right = [result for result in found if result.status != "skipped"]
        fell = [result for result in right if result.status == "succeeded"]
        print(
            f"  {name}: {60 * len(found) / sum(seconds[name]):.1f} texts/min ({sum(seconds[name]):.1f} s); "
            f"right before {len(right)}, fell {len(fell)} ({len(fell) / max(1, len(right)):.3f}); words changed "
            f"{mean(result.words_changed / result.words for result in fell or found):.4f}; "
            f"queries {mean(result.queries for result in right or found):.1f}"
        )
    pairs = list(zip(results["ours"], results["textattack"], strict=True))
    both = [pair for pair in pairs if pair[0].status == pair[1].status == "succeeded"]
    changed = [sum(pair[side].words_changed / pair[side].words for pair in both) for side in (0, 1)]
    same = sum(ours.adversarial.lower() == other.adversarial.lower() for ours, other in both)
    print(
        f"  fell to both: {len(both)}, words changed {changed[0] / max(1, len(both)):.4f} and "
        f"{changed[1] / max(1, len(both)):.4f}, {same} the same texts"
    )
    ratios = [other / one for one, other in zip(seconds["ours"], seconds["textattack"], strict=True)]
    print(
        f"  TextAttack takes {sum(seconds['textattack']) / sum(seconds['ours']):.1f} times as long; "
        f"median over {len(ratios)} groups {median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
        flush=True,
    )


def _padded_to_512(artifact: Path, runtime: Runtime) -> Predict:
    """The same file as TextAttack's HuggingFaceModelWrapper would ask it: every text padded to 512 tokens."""
    deployment = open_artifact(artifact, _options(artifact, runtime).model_copy(update={"representation": False}))
    tokenizer = read_tokenizer(artifact).backend
    tokenizer.enable_truncation(512)
    tokenizer.enable_padding(length=512)

    def ask(texts: Sequence[str]) -> np.ndarray:
        rows = tokenizer.encode_batch(list(texts))
        feeds = {
            "input_ids": np.array([row.ids for row in rows], np.int64),
            "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
            "token_type_ids": np.array([row.type_ids for row in rows], np.int64),
        }
        return np.asarray(softmax(deployment.infer(feeds)["logits"].astype(np.float64), axis=1))

    return ask


def _textattack(
    ask: Predict, masked_lm: Path, encoder: Path, settings: AttackSettings
) -> Callable[[Example], AttackResult]:
    """BERTAttackLi2020's parts (TextAttack 0.3.11) over local models; ``ask`` gets at most 32 texts at once."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from benchmarks.attack.textattack_offline import textattack

    torch.set_num_threads(usable_cores())
    tokenizer = AutoTokenizer.from_pretrained(masked_lm)
    language_model = AutoModelForMaskedLM.from_pretrained(masked_lm).eval()
    encoding_model = AutoModelForMaskedLM.from_pretrained(encoder).base_model.eval()

    class Wrapper(textattack.models.wrappers.ModelWrapper):
        model = None

        def __call__(self, texts: list[str], **_: Any) -> np.ndarray:
            return ask(texts)

    class Encoder(textattack.constraints.semantics.sentence_encoders.SentenceEncoder):
        def encode(self, sentences: list[str]) -> torch.Tensor:
            batch = tokenizer(sentences, padding=True, truncation=True, max_length=512, return_tensors="pt")
            with torch.inference_mode():
                states = encoding_model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            return (states * mask).sum(1) / mask.sum(1)

    class NoStopWords(textattack.constraints.Constraint):
        """None is put in: ours filters them too (Li et al. 2020, algorithm 1)."""

        def _check_constraint(self, transformed: Any, reference: Any) -> bool:
            return all(
                transformed.words[place].lower() not in stop_words()
                for place in transformed.attack_attrs["newly_modified_indices"]
            )

    pre_transformation = textattack.constraints.pre_transformation
    goal = textattack.goal_functions.UntargetedClassification
    textattack.shared.validators.MODELS_BY_GOAL_FUNCTION[goal] = [".*"]
    search = textattack.Attack(
        goal(Wrapper()),
        [
            pre_transformation.RepeatModification(),
            pre_transformation.StopwordModification(stopwords=stop_words()),
            NoStopWords(compare_against_original=False),
            textattack.constraints.overlap.MaxWordsPerturbed(max_percent=settings.max_words_changed),
            Encoder(
                threshold=settings.min_similarity,
                metric="cosine",
                compare_against_original=True,
                window_size=None,
            ),
        ],
        textattack.transformations.WordSwapMaskedLM(
            method="bert-attack",
            masked_language_model=language_model,
            tokenizer=tokenizer,
            max_candidates=settings.candidates,
        ),
        textattack.search_methods.GreedyWordSwapWIR(wir_method="unk"),
    )

    def one(example: Example) -> AttackResult:
        id_, text, label = example
        outcome = search.attack(textattack.shared.AttackedText(text), label)
        search.clear_cache()
        states = textattack.goal_function_results.GoalFunctionResultStatus
        after = outcome.perturbed_result
        statuses: dict[int, Status] = {states.SUCCEEDED: "succeeded", states.SKIPPED: "skipped"}
        return AttackResult(
            id=id_,
            status=statuses.get(after.goal_status, "failed"),
            original=text,
            adversarial=after.attacked_text.text,
            label=label,
            prediction_before=int(outcome.original_result.output),
            prediction_after=int(after.output),
            words=len(outcome.original_result.attacked_text.words),
            words_changed=len(after.attacked_text.attack_attrs["modified_indices"]),
            queries=int(search.goal_function.num_queries),
            similarity=None,
        )

    return one


# --- several formats, several batch sizes --------------------------------------------------------


def _formats(artifacts: Sequence[Path], runtime: Runtime, ours: Ours, examples: Sequence[Example]) -> None:
    """Candidates are proposed once for all, as the steps of a study do; attacking one pays for them too.

    All formats take turns, `ROUNDS` times; medians are printed.
    """
    began = time.perf_counter()
    stored = {}
    for _, text, _ in examples:
        words = rules_of(ours.settings.mode).words(text)
        stored[text] = ours.propose(words.text, words.spans)
    proposing = time.perf_counter() - began
    shared = replace(ours, propose=lambda text, _: stored[text])
    seconds: dict[Path, list[float]] = {artifact: [] for artifact in artifacts}
    for _ in range(ROUNDS):
        for artifact in artifacts:
            with _deployment(artifact, runtime) as deployment:
                began = time.perf_counter()
                shared.attack(deployment, examples, 32)
                seconds[artifact].append(time.perf_counter() - began)
                print(f"  {artifact.name}: {seconds[artifact][-1]:.1f} s", flush=True)
    print(f"candidates {proposing:.1f} s; {len(artifacts)} formats against one alone, lowest to highest of the rounds:")
    for artifact in artifacts:
        ratios = [
            (proposing + sum(one[number] for one in seconds.values())) / (proposing + seconds[artifact][number])
            for number in range(ROUNDS)
        ]
        alone = proposing + median(seconds[artifact])
        print(f"  {artifact.name} ({alone:.1f} s): {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def _batches(
    deployment: DeploymentRunner,
    ours: Ours,
    examples: Sequence[Example],
    sizes: Sequence[int],
) -> None:
    first: list[AttackResult] | None = None
    for size in sizes:
        began = time.perf_counter()
        found = ours.attack(deployment, examples, size)
        first = first or found
        same = sum(a == b for a, b in zip(first, found, strict=True))
        took = time.perf_counter() - began
        print(f"groups of {size}: {took:.1f} s; {same} of {len(found)} results identical", flush=True)


if __name__ == "__main__":
    main()
