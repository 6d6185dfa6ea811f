"""The attack of TextAttack's own search, goal and constraints, text by text: what the engine must agree with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import Predict
from benchmarks.attack.results import AttackResult, AttackSettings, Status
from benchmarks.attack.textattack_offline import ProbabilityWrapper, textattack
from benchmarks.attack.words import stop_words
from benchmarks.errors import BenchmarkError

ProposeCandidates = Callable[[str, Sequence[tuple[int, int]]], Sequence[Sequence[str]]]
Similarity = Callable[[str, Sequence[str]], NDArray[np.float64]]

_recover_case = textattack.transformations.word_swaps.word_swap_masked_lm.recover_word_case


def attack_by_textattack(
    predict: Predict,
    examples: Sequence[tuple[str, str, int]],
    *,
    candidates: ProposeCandidates,
    similarity: Similarity | None = None,
    settings: AttackSettings | None = None,
) -> list[AttackResult]:
    search = _search(predict, similarity, settings or AttackSettings())
    return [_attack_one(search, example, candidates, similarity) for example in examples]


def _search(predict: Predict, similarity: Similarity | None, settings: AttackSettings) -> Any:
    pre_transformation = textattack.constraints.pre_transformation
    # TextAttack compares words as they are written.
    left_alone = {form for word in stop_words() for form in (word, word.capitalize(), word.upper())}
    return textattack.Attack(
        UntargetedAndSimilar(predict, similarity, settings.min_similarity),
        [
            pre_transformation.RepeatModification(),
            pre_transformation.StopwordModification(stopwords=left_alone),
            HasCandidates(),
            ShareOfWordsPerturbed(max_percent=settings.max_words_changed),
        ],
        SwapForCandidates(),
        # "the importance score I_wi = o_y(S) - o_y(S\wi)" (Li et al. 2020, section 3.1)
        textattack.search_methods.GreedyWordSwapWIR("unk"),
    )


def _attack_one(
    search: Any,
    example: tuple[str, str, int],
    candidates: ProposeCandidates,
    similarity: Similarity | None,
) -> AttackResult:
    id_, text, label = example
    original = Original(text, candidates)
    goal = search.goal_function
    outcome = search.attack(SplitText(original, original.words), int(label))
    # TextAttack does so itself only for texts that it did not skip.
    search.clear_cache()

    states = textattack.goal_function_results.GoalFunctionResultStatus
    before, after = outcome.original_result, outcome.perturbed_result
    status: Status = "failed"
    if before.goal_status == states.SKIPPED:
        status = "skipped"
    elif after.goal_status == states.SUCCEEDED:
        status = "succeeded"
    succeeded = status == "succeeded"
    adversarial = after.attacked_text.text if succeeded else text
    measured = succeeded and similarity is not None
    return AttackResult(
        id=id_,
        status=status,
        original=text,
        adversarial=adversarial,
        label=int(label),
        prediction_before=int(before.output),
        prediction_after=int(after.output) if succeeded else int(before.output),
        words=len(original.words),
        words_changed=len(after.attacked_text.attack_attrs["modified_indices"]) if succeeded else 0,
        queries=int(goal.num_queries),
        similarity=after.attacked_text.attack_attrs["similarity_score"] if measured else None,
    )


class Original:
    """A text under attack: its words, where they stand, and what may replace them."""

    def __init__(self, text: str, propose: ProposeCandidates) -> None:
        self.text = text
        self.spans: list[tuple[int, int]] = []
        end = 0
        for word in textattack.shared.utils.words_from_text(text):
            start = text.index(word, end)
            end = start + len(word)
            self.spans.append((start, end))
        self.words = [text[start:end] for start, end in self.spans]
        edges = [0, *(edge for span in self.spans for edge in span), len(text)]
        self.gaps = [text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
        self._propose = propose

    @cached_property
    def candidates(self) -> list[list[str]]:
        """One list a word, asked for when the attack first needs it, in the case of the word."""
        proposed = self._propose(self.text, self.spans)
        return [
            [candidate for candidate in (_recover_case(c, word) for c in choices) if candidate != word]
            for word, choices in zip(self.words, proposed, strict=True)
        ]


class SplitText(textattack.shared.AttackedText):
    """A text whose words are split once.

    TextAttack's own class searches and splits the text again for every change, which takes most of its
    time, cuts a text that contains its ``<SPLIT>`` mark, and may count other words in the changed text.
    """

    def __init__(self, original: Original, words: list[str], attack_attrs: dict[str, Any] | None = None) -> None:
        self.original = original
        self._split = words
        parts = [""] * (2 * len(words) + 1)
        parts[::2], parts[1::2] = original.gaps, words
        super().__init__("".join(parts), attack_attrs)

    @property
    def words(self) -> list[str]:
        return self._split

    def generate_new_attacked_text(self, new_words: list[str]) -> SplitText:
        changed = {i for i, (a, b) in enumerate(zip(self._split, new_words, strict=True)) if a != b}
        attrs = {
            "modified_indices": self.attack_attrs["modified_indices"] | changed,
            "newly_modified_indices": changed,
            "original_index_map": self.attack_attrs["original_index_map"],
        }
        return SplitText(self.original, new_words, attrs)


class SwapForCandidates(textattack.transformations.WordSwap):
    """Put each candidate of the original text in a word's place."""

    def _get_transformations(self, current_text: SplitText, indices_to_modify: set[int]) -> list[SplitText]:
        return [
            current_text.replace_word_at_index(index, candidate)
            for index in sorted(indices_to_modify)
            for candidate in current_text.original.candidates[index]
        ]


class HasCandidates(textattack.constraints.PreTransformationConstraint):
    """Leave words alone that nothing can replace: their importance need not be asked for."""

    def _get_modifiable_indices(self, current_text: SplitText) -> set[int]:
        return {index for index, choices in enumerate(current_text.original.candidates) if choices}


class ShareOfWordsPerturbed(textattack.constraints.overlap.MaxWordsPerturbed):
    """At most ``max_percent`` of the words: rounded down, where the parent rounds up."""

    def _check_constraint(self, transformed_text: SplitText, reference_text: SplitText) -> bool:
        # The margin keeps 0.1 * 30 from falling below 3.
        allowed = math.floor(self.max_percent * len(reference_text.words) + 1e-9)
        return bool(len(transformed_text.attack_attrs["modified_indices"]) <= allowed)


class UntargetedAndSimilar(textattack.goal_functions.UntargetedClassification):
    """Another label than the true one, in a text that is similar enough to the original.

    Similarity is asked of texts that have reached another label, the strongest first, until one is similar
    enough: the search takes that one. Those below the threshold rank last, and the search goes on among the
    others. (The authors too apply the threshold to finished adversarial texts; as a constraint of
    TextAttack's it would encode every candidate.)
    """

    def __init__(self, predict: Predict, similarity: Similarity | None, threshold: float) -> None:
        # One call takes all texts of a step: batching them well is the business of ``predict``.
        super().__init__(ProbabilityWrapper(predict), model_batch_size=2**31)
        self._similarity = similarity
        self._threshold = threshold

    def _process_model_outputs(self, inputs: Sequence[SplitText], scores: Any) -> Any:
        if not 0 <= self.ground_truth_output < scores.shape[1]:
            raise BenchmarkError(
                f"label {self.ground_truth_output}: predict gives {scores.shape[1]} classes; "
                "give labels as indices of its columns"
            )
        return super()._process_model_outputs(inputs, scores)

    def get_results(self, attacked_text_list: list[SplitText], check_skip: bool = False) -> tuple[Any, bool]:
        results, search_over = super().get_results(attacked_text_list, check_skip)
        if self._similarity is None:
            return results, search_over
        status = textattack.goal_function_results.GoalFunctionResultStatus
        # Texts with a word put to [UNK] for its importance come from no transformation.
        reached = [
            result
            for result in sorted(results, key=lambda result: -result.score)
            if result.goal_status == status.SUCCEEDED and "last_transformation" in result.attacked_text.attack_attrs
        ]
        for result in reached:
            text = result.attacked_text
            value = float(self._similarity(self.initial_attacked_text.text, [text.text])[0])
            text.attack_attrs["similarity_score"] = value
            if value >= self._threshold:
                break
            result.goal_status = status.SEARCHING
            result.score = -1.0
        return results, search_over


# A goal function that TextAttack does not know makes it warn; ours takes any callable.
textattack.shared.validators.MODELS_BY_GOAL_FUNCTION[UntargetedAndSimilar] = [".*"]
